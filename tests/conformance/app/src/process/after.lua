return {main=function() end}
