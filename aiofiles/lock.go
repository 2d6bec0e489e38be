package aiofiles

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"
	"time"
)

// LockOptions configures [Lock]. A nil pointer or a zero field means the default.
type LockOptions struct {
	// Shared locks against those that are not shared only.
	Shared bool
	// Perm are the permission bits of a lock file that is made. Default: 0o666.
	Perm fs.FileMode
}

// A FileLock is a lock that is held until it is closed, or the process ends.
type FileLock struct {
	file   *File
	unlock func() error
	closed atomic.Bool
}

// Lock locks the file name as a whole against other locks of this kind, in this
// process and others, and makes the file if it is missing. It waits until the lock
// is free or ctx ends; it looks every 20 ms at the latest, and holds no thread. The
// lock is advisory: it keeps nobody from the file who
// takes no lock. Put it on a file of its own, that is never replaced or removed.
//
// It is flock(2): it belongs to this call's descriptor, so that two tasks of one
// process lock each other out. It matches [errors.ErrUnsupported] where there is none.
//
// Python: fcntl.flock; filelock.FileLock.
func Lock(ctx context.Context, name string, opts *LockOptions) (*FileLock, error) {
	return lockFile(ctx, name, opts, true)
}

// TryLock is [Lock] that does not wait for the lock: [ErrLocked] if another has it.
func TryLock(ctx context.Context, name string, opts *LockOptions) (*FileLock, error) {
	return lockFile(ctx, name, opts, false)
}

func lockFile(ctx context.Context, name string, opts *LockOptions, wait bool) (*FileLock, error) {
	var o LockOptions
	if opts != nil {
		o = *opts
	}
	f, err := Open(ctx, name, "a+b", &OpenOptions{Perm: o.Perm})
	if err != nil {
		return nil, err
	}
	err = poll(ctx, wait, func() error { return flock(f.Fd(), o.Shared) })
	if err != nil {
		f.Close()
		return nil, f.fail("lock", err)
	}
	return &FileLock{file: f, unlock: f.Close}, nil
}

// LockRange locks n bytes of the file at off, n = 0 for all from there on, against
// other locks of ranges of this kind. The file must be open for reading for a shared
// lock and for writing for one that is not. It waits until the range is free or ctx
// ends. Closing the lock or the file unlocks.
//
// The locks of one [File] never conflict with each other: open the file twice. It
// matches [errors.ErrUnsupported] where the kernel has no locks of open files.
//
// Python: fcntl.lockf. Differs: closing another descriptor of the file unlocks nothing.
func (f *File) LockRange(ctx context.Context, off, n int64, opts *LockOptions) (*FileLock, error) {
	return f.lockRange(ctx, off, n, opts, true)
}

// TryLockRange is [File.LockRange] that does not wait: [ErrLocked] if another has it.
func (f *File) TryLockRange(ctx context.Context, off, n int64, opts *LockOptions) (*FileLock, error) {
	return f.lockRange(ctx, off, n, opts, false)
}

func (f *File) lockRange(ctx context.Context, off, n int64, opts *LockOptions, wait bool) (*FileLock, error) {
	shared := opts != nil && opts.Shared
	// A place in the flights keeps Close from giving the descriptor to another file.
	locked := func(shared, unlock bool) error {
		if f.ending.Load() || !f.flights.enter() {
			return fs.ErrClosed
		}
		defer f.flights.exit()
		return lockRange(f.Fd(), off, n, shared, unlock)
	}
	if err := poll(ctx, wait, func() error { return locked(shared, false) }); err != nil {
		return nil, f.fail("lock", err)
	}
	return &FileLock{file: f, unlock: func() error {
		if err := locked(false, true); !errors.Is(err, fs.ErrClosed) {
			return err
		}
		return nil
	}}, nil
}

// Close gives the lock up. Closing again does nothing.
func (l *FileLock) Close() error {
	if !l.closed.CompareAndSwap(false, true) {
		return nil
	}
	return l.file.fail("unlock", l.unlock())
}

// How long a caller that waits for a lock pauses before it looks again, at first and
// later.
const (
	firstLockPause = time.Millisecond
	lastLockPause  = 20 * time.Millisecond
)

// poll calls try until it does not return ErrLocked. The kernel could wait itself
// (flock without LOCK_NB, F_OFD_SETLKW), but for each that waits it holds a thread and
// thus a place of the limiter, so that those who wait for a lock could keep its holder
// from giving it back; and nothing ends that wait before its time: a signal does not,
// since Go's handlers have the kernel restart the call.
func poll(ctx context.Context, wait bool, try func() error) error {
	for pause := firstLockPause; ; pause = min(2*pause, lastLockPause) {
		err := try()
		if !wait || !errors.Is(err, ErrLocked) {
			return err
		}
		if err := pauseFor(ctx, pause); err != nil {
			return err
		}
	}
}
