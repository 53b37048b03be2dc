return { main = function() return "from a file" end }
