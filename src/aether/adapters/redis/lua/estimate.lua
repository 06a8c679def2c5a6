-- Returns what `queue_estimate` says of a job. Stands behind queue_estimate.lua. ARGV: id, kind, queue.
return queue_estimate(ARGV[1], ARGV[2], ARGV[3])
