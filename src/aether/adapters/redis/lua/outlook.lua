-- Returns what `ahead` says of a job. Stands behind ahead.lua. ARGV: id, kind, queue.
return ahead(ARGV[1], ARGV[2], ARGV[3])
