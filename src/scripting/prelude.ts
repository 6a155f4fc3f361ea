// The world that scripts see, in Lua: which names there are, and that nobody can change them. One script must not leave anything
// behind for the next, so the global table and the libraries are empty proxies whose contents stand
// elsewhere: reading goes through, writing is refused, and the functions that would go around that
// (rawset, setmetatable, table.insert ...) look first. Redis patches its interpreter for this; an
// interpreter as it comes has metatables.
//
// The chunk is called with a table of functions of ours and answers the global table, the handler that
// gives errors their place, what stands behind the global table (for KEYS and ARGV), and the functions
// that begin and end the loading of a library.

export const PRELUDE = String.raw`
local native = ...
local raw = {}
for name, value in next, _G do raw[name] = value end
local rawget, rawset, next, type, tostring = rawget, rawset, next, type, tostring
local error, setmetatable, getmetatable, select = error, setmetatable, getmetatable, select
local getinfo = debug.getinfo
local READONLY = "Attempt to modify a readonly table"

-- From a proxy to what it stands for.
local behind = setmetatable({}, { __mode = "k" })

local function refuse() error(READONLY, 2) end

local function proxy(contents)
  local shown = setmetatable({}, { __index = contents, __newindex = refuse })
  behind[shown] = contents
  return shown
end

local function writable(t)
  if behind[t] then error(READONLY, 0) end
  return t
end

local world = {}
-- What getmetatable(_G) shows: as in Redis, something that cannot be changed.
local shownGlobals, globalsMeta, libraryGlobals
for _, name in next, { "assert", "error", "ipairs", "rawequal", "select", "tonumber", "tostring",
    "type", "unpack", "_VERSION" } do
  world[name] = raw[name]
end
world.coroutine = proxy(raw.coroutine)
world.math = proxy(raw.math)
raw.math.random = native.random
raw.math.randomseed = native.randomseed

-- What runs in C for long cannot be stopped by counting instructions, so it is said beforehand.
local strings = raw.string
local heavy, repeats = native.heavy, native.repeats
local repeatsOf, known = {}, 0
local function weigh(subject, pattern)
  if type(subject) ~= "string" or type(pattern) ~= "string" then return end
  local times = repeatsOf[pattern]
  if not times then
    if known == 1000 then repeatsOf, known = {}, 0 end
    times = repeats(pattern)
    repeatsOf[pattern] = times
    known = known + 1
  end
  if times > 0 and (#subject + 1) ^ (times + 1) > 2e8 then heavy() end
end
local find, match, gmatch, gsub, rep = strings.find, strings.match, strings.gmatch, strings.gsub, strings.rep
function strings.find(s, pattern, init, plain)
  if not plain then weigh(s, pattern) end
  return find(s, pattern, init, plain)
end
function strings.match(s, pattern, init)
  weigh(s, pattern)
  return match(s, pattern, init)
end
function strings.gmatch(s, pattern)
  weigh(s, pattern)
  return gmatch(s, pattern)
end
function strings.gsub(s, pattern, ...)
  weigh(s, pattern)
  return gsub(s, pattern, ...)
end
function strings.rep(s, times)
  if type(s) == "string" and type(times) == "number" and #s * times > 1e7 then heavy() end
  return rep(s, times)
end
strings.gfind = strings.gmatch
world.string = proxy(strings)
-- Methods of strings are looked up in the library itself: the way through the proxy costs.
local methods = getmetatable("")
methods.__index = strings
local shownMethods = proxy({ __index = world.string })

local tables = raw.table
local insert, remove, sort, setn = tables.insert, tables.remove, tables.sort, tables.setn
function tables.insert(t, first, ...)
  if behind[t] then error(READONLY, 2) end
  if select("#", ...) == 0 then return insert(t, first) end
  return insert(t, first, ...)
end
function tables.remove(t, ...)
  if behind[t] then error(READONLY, 2) end
  return remove(t, ...)
end
function tables.sort(t, ...)
  if behind[t] then error(READONLY, 2) end
  if type(t) == "table" and #t > 20000 then heavy() end
  return sort(t, ...)
end
function tables.setn(t, ...)
  if behind[t] then error(READONLY, 2) end
  return setn(t, ...)
end
world.table = proxy(tables)

function world.rawget(t, key) return rawget(behind[t] or t, key) end
function world.rawset(t, key, value) return rawset(writable(t), key, value) end
function world.next(t, key) return next(behind[t] or t, key) end
function world.pairs(t)
  local contents = behind[t]
  if not contents then return raw.pairs(t) end
  return function(_, key) return next(contents, key) end, t, nil
end
function world.setmetatable(t, meta) return setmetatable(writable(t), meta) end
function world.getmetatable(value)
  if value == shownGlobals or value == libraryGlobals then return globalsMeta end
  if behind[value] then return nil end
  local meta = getmetatable(value)
  if meta == methods then return shownMethods end
  return meta
end
function world.loadstring(text, name)
  if type(text) == "string" and text:byte(1) == 27 then
    return nil, "binary chunks are not loaded"
  end
  return raw.loadstring(text, name)
end
function world.load(reader, name)
  local first = true
  return raw.load(function()
    local piece = reader()
    if first and type(piece) == "string" and piece ~= "" then
      first = false
      if piece:byte(1) == 27 then error("binary chunks are not loaded") end
    end
    return piece
  end, name)
end
function world.gcinfo() return raw.collectgarbage("count") end
function world.collectgarbage(what)
  if what == nil or what == "collect" then return raw.collectgarbage("collect") end
  if what == "count" then return raw.collectgarbage("count") end
  return 0
end

-- What redis.call raises is a table; scripts that catch errors have always got its text.
local function caught(ok, problem, ...)
  if not ok and type(problem) == "table" and type(rawget(problem, "err")) == "string" then
    return ok, problem.err
  end
  return ok, problem, ...
end
local pcall = raw.pcall
function world.pcall(...) return caught(pcall(...)) end
world.xpcall = raw.xpcall

for name, library in next, native.libraries do world[name] = proxy(library) end

local function missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end
setmetatable(world, { __index = missing })

-- Where an error happened: the handler of the call that runs a script.
local function place(problem)
  local level = 2
  local info = getinfo(level, "Sl")
  while info and (info.what == "C" or info.source == "=prelude") do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  if type(problem) ~= "table" then problem = { err = "ERR " .. tostring(problem) } end
  if info and behind[problem] == nil then
    rawset(problem, "source", info.source)
    rawset(problem, "line", info.currentline)
  end
  return problem
end
world.__redis__err__handler = place

local globals = proxy(world)
world._G = globals
shownGlobals, globalsMeta = globals, proxy({ __index = missing })

-- The globals of libraries of functions. While one is loaded it may register, and that is all: no other
-- name is there, as in Redis. Its functions see the world of scripts when they are called later.
local loading = { redis = proxy(setmetatable(native.loading, { __index = missing })) }
local isLoading = false
libraryGlobals = proxy({})
getmetatable(libraryGlobals).__index = function(_, name)
  if not isLoading and name == "_G" then return libraryGlobals end
  local value
  if isLoading then value = loading[name] else value = rawget(world, name) end
  if value == nil or name == "KEYS" or name == "ARGV" then
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end
  return value
end
local setfenv = raw.setfenv
local function enter(chunk)
  setfenv(chunk, libraryGlobals)
  isLoading = true
end
local function leave() isLoading = false end

return globals, place, world, enter, leave
`;
