package proc

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// CPUs returns how many CPUs this process may use: those that it may run on, and no
// more than the quotas of its control groups give, rounded up.
func CPUs() int {
	n := affinity()
	if quota := cpuQuota(os.DirFS("/")); quota < float64(n) {
		n = int(math.Ceil(quota))
	}
	return max(1, n)
}

// cpuQuota returns the CPUs that the control groups above this process allow, of
// both versions, or +Inf. fsys is the root of the file system.
func cpuQuota(fsys fs.FS) float64 {
	quota := math.Inf(1)
	for _, g := range cgroups(fsys) {
		if g.controllers != "" && !strings.Contains(","+g.controllers+",", ",cpu,") {
			continue
		}
		for dir := g.dir; ; dir = path.Dir(dir) {
			if q, ok := groupQuota(fsys, dir); ok {
				quota = min(quota, q)
			}
			if dir == g.mount || dir == "." || dir == "/" {
				break
			}
		}
	}
	return quota
}

// groupQuota reads the quota of one control group directory.
func groupQuota(fsys fs.FS, dir string) (float64, bool) {
	number := func(s string) float64 {
		n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return -1
		}
		return n
	}
	var quota, period float64
	if data, err := fs.ReadFile(fsys, dir+"/cpu.max"); err == nil { // "200000 100000" or "max 100000"
		q, p, _ := strings.Cut(string(data), " ")
		quota, period = number(q), number(p)
	} else if data, err := fs.ReadFile(fsys, dir+"/cpu.cfs_quota_us"); err == nil {
		quota = number(string(data))
		data, _ = fs.ReadFile(fsys, dir+"/cpu.cfs_period_us")
		period = number(string(data))
	}
	if quota <= 0 || period <= 0 {
		return 0, false
	}
	return quota / period, true
}

// A cgroup is one control group that this process is in.
type cgroup struct {
	controllers string // of version 1, comma-separated; empty for version 2
	mount       string // where the hierarchy is mounted, relative to the root
	dir         string // the directory of the group, at or below mount
}

// cgroups finds the control groups of this process that can be seen.
func cgroups(fsys fs.FS) (groups []cgroup) {
	self, err := fs.ReadFile(fsys, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	mounts, err := fs.ReadFile(fsys, "proc/self/mountinfo")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(self)) { // 4:memory:/path, 0::/path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || strings.HasPrefix(parts[1], "name=") {
			continue
		}
		if mount, root, ok := cgroupMount(string(mounts), parts[1]); ok {
			below := strings.TrimPrefix(parts[2], strings.TrimSuffix(root, "/"))
			groups = append(groups, cgroup{controllers: parts[1], mount: mount, dir: path.Join(mount, below)})
		}
	}
	return groups
}

// cgroupMount finds where the hierarchy with those controllers is mounted, and
// which directory of it is at that place.
func cgroupMount(mounts, controllers string) (mount, root string, ok bool) {
	for line := range strings.Lines(mounts) {
		// 36 35 98:0 /root /mount rw,noatime master:1 - cgroup2 cgroup2 rw
		left, right, found := strings.Cut(line, " - ")
		a, b := strings.Fields(left), strings.Fields(right)
		if !found || len(a) < 5 || len(b) < 3 {
			continue
		}
		switch {
		case controllers == "" && b[0] == "cgroup2":
		case controllers != "" && b[0] == "cgroup" && strings.Contains(","+b[2]+",", ","+controllers+","):
		default:
			continue
		}
		return strings.TrimPrefix(a[4], "/"), a[3], true
	}
	return "", "", false
}
