package multiprocessing

import "github.com/quartet-go/quartet/internal/proc"

// CPUCount returns how many CPUs this process may use, at least 1: those that its
// affinity allows, and no more than the quota of its control groups, rounded up.
//
// Python: multiprocessing.cpu_count, os.process_cpu_count (3.13). Differs: quotas of
// containers are honoured.
func CPUCount() int { return proc.CPUs() }
