-- Returns what `ahead` says of a job. ARGV: id, kind, queue.
return ahead(ARGV[1], ARGV[2], ARGV[3])
