package aiofiles

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// local knows where a file can be opened in place. A file whose name the kernel has
// in memory opens without waiting (RESOLVE_CACHED, Linux 5.12) unless its file
// system asks somebody else, as NFS and FUSE do, who may not answer. So only files
// are opened that way in whose folder a helper found a file of the machine's own
// disks a moment ago. A file system that was mounted there since has no names in memory.
var local = localFolders{folders: map[string]int64{}, devices: map[uint64]device{}}

const (
	localFor  = 10 * time.Second
	localMost = 256 // folders and devices that are remembered
)

type localFolders struct {
	refused atomic.Bool // the kernel cannot, or may not

	mu      sync.Mutex       // guards following; times are those of a clock that starts at localBase
	folders map[string]int64 // until when
	devices map[uint64]device
}

type device struct {
	until         int64
	local, memory bool
}

var localBase = time.Now()

// folderOf is name without its last element.
func folderOf(name string) string { return name[:strings.LastIndexByte(name, '/')+1] }

// has reports whether files of the folder of name can be opened in place.
func (l *localFolders) has(name string) bool {
	if l.refused.Load() {
		return false
	}
	now := int64(time.Since(localBase))
	l.mu.Lock()
	defer l.mu.Unlock()
	return now < l.folders[folderOf(name)]
}

// note learns from a regular file that a helper opened.
func (l *localFolders) note(f *fdFile) {
	now := int64(time.Since(localBase))
	l.mu.Lock()
	known := now < l.folders[folderOf(f.name)]
	d := l.devices[f.dev]
	l.mu.Unlock()
	if !known && now >= d.until {
		d = deviceOf(f.fd)
		d.until = now + int64(localFor)
	}
	f.local = d.local
	f.now.memory.Store(d.memory)
	if known || !d.local {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.folders) >= localMost {
		clear(l.folders)
	}
	if len(l.devices) >= localMost {
		clear(l.devices)
	}
	l.folders[strings.Clone(folderOf(f.name))] = now + int64(localFor)
	l.devices[f.dev] = d
}

// deviceOf asks what kind of file system a file is on. It may block.
func deviceOf(fd int) device {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return device{}
	}
	switch uint32(st.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return device{local: true, memory: true}
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC:
		return device{local: true}
	}
	return device{}
}

// resolveCached is RESOLVE_CACHED of openat2(2).
const resolveCached = 0x20

// openNow opens a file for reading if that needs no waiting.
func (osFS) openNow(name string) (Handle, bool) {
	if !local.has(name) {
		return nil, false
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: resolveCached,
	})
	switch err {
	case nil:
	case unix.ENOSYS, unix.EPERM, unix.EINVAL:
		local.refused.Store(true)
		return nil, false
	default: // what it is, a call that may wait will tell
		return nil, false
	}
	h, err := newHandle(fd, name)
	if f, ok := h.(*fdFile); ok {
		local.recall(f)
	}
	return h, err == nil
}

// recall tells f what is known of its device.
func (l *localFolders) recall(f *fdFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.devices[f.dev]
	f.local = d.local
	f.now.memory.Store(d.memory)
}
