return {main=function(n) if not n then return {} end end}
