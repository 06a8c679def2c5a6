-- Returns what `queue_estimate` returns for a job. Needs queue_estimate.lua. ARGV: id, kind, queue.
return queue_estimate(ARGV[1], ARGV[2], ARGV[3])
