-- Returns the pieces of a job's file that hold the bytes from start up to stop, or nil if there is no such file.
-- ARGV: id, name, start, stop or ''.
local files, name = FILES .. ARGV[1], ARGV[2]
local size = tonumber(redis.call('HGET', files, 'size:' .. name))
if not size then return nil end
local start, stop = tonumber(ARGV[3]), math.min(tonumber(ARGV[4]) or size, size)

local pieces = {}
for piece = math.floor(start / PIECE_BYTES), math.ceil(stop / PIECE_BYTES) - 1 do
  pieces[#pieces + 1] = redis.call('HGET', files, piece .. ':' .. name)
end
return pieces
