package proc

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestCPUQuota(t *testing.T) {
	t.Parallel()
	const v2Mount = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	const v1Mount = "31 24 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"32 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"none", nil, math.Inf(1)},
		{"v2 no limit", map[string]string{
			"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2Mount,
			"sys/fs/cgroup/a/cpu.max": "max 100000\n",
		}, math.Inf(1)},
		{"v2 own limit", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2Mount,
			"sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
		}, 1.5},
		{"v2 limit above", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2Mount,
			"sys/fs/cgroup/a/cpu.max":   "300000 100000\n",
			"sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
		}, 3},
		{"v1 in a container", map[string]string{
			"proc/self/cgroup":                                "5:memory:/x\n4:cpu,cpuacct:/docker/abc/job\n1:name=systemd:/\n",
			"proc/self/mountinfo":                             v1Mount,
			"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us":  "50000\n",
			"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":      "-1\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us":     "100000\n",
		}, 0.5},
		{"v1 no limit", map[string]string{
			"proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n", "proc/self/mountinfo": v1Mount,
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":  "-1\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
		}, math.Inf(1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for name, content := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(content)}
			}
			if got := cpuQuota(root); got != tt.want {
				t.Errorf("cpuQuota() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCPUs(t *testing.T) {
	t.Parallel()
	if got, limit := CPUs(), affinity(); got < 1 || got > limit {
		t.Errorf("CPUs() = %d, want 1 to %d", got, limit)
	}
}
