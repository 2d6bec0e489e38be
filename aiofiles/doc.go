// Package aiofiles reads, writes and replaces files with calls that can be given up.
//
// A file call of the standard library takes no context: on a mount that does not
// answer, or a pipe that nobody writes to, it hangs, and its thread with it. Here
// every call takes a context and returns when that ends, whatever the device does,
// and how many threads may hang is bounded ([Limiter]).
//
//	f, err := aiofiles.Open(ctx, "notes.txt", "r", &aiofiles.OpenOptions{Encoding: "latin-1"})
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	for line, err := range f.Lines(ctx) {
//		if err != nil {
//			return err
//		}
//		fmt.Print(line)
//	}
//
// Modes, encodings, newlines and error handlers are Python's. A file is binary
// with a b in its mode, else text; text in Go is UTF-8, in the file it is what
// OpenOptions.Encoding says.
//
// # Where a call runs
//
// Bytes that the kernel has in memory are read in place, and on Linux a small file
// of a local disk is opened in place too. What may have to wait
// runs on a helper goroutine, while the caller waits for it or for its context; a
// task of a loop is suspended, and its loop goes on. A goroutine that is no task,
// with a context that can never end (context.Background), makes its calls itself,
// as package os does. Pipes, FIFOs and terminals wait without a thread.
//
// # When a call was given up
//
// The memory that was passed in is not touched after a call has returned. A file
// that opens late is closed; bytes that were read late are there for the next
// read. A write that was given up has an outcome that nobody knows, so its file
// answers every later call with a [PoisonError], as after a sync that failed.
// [File.Close] waits for what is in flight, for a moment only if its context has ended.
//
// # What there is
//
//   - whole files: [ReadFile], [WriteFile], [AppendFile], [ReadText], [WriteText],
//     and [ReadFiles] for many at once
//   - open files: [Open], [Wrap] of an os.File, [Stdin] and [Stdout]; [File.Stream] is
//     an io.Reader, io.Writer and io.Seeker, [DirFS] an fs.FS
//   - replacing: [WriteFileAtomic], [CreateAtomic]; locks: [Lock], [File.LockRange]
//   - temporary: [TempFile], [NamedTempFile], [SpooledFile], [TempDir]
//   - folders: [ReadDir], [ScanDir], [Walk], [Glob], [CopyTree], [Move], [RemoveAll]
//   - names: [Stat], [Exists], [Rename], [Remove], [MkdirAll], [Touch] and the others
//     of Python's os and os.path
//   - bounds: [Limiter] for threads, [OpenRoot] for what names may reach
//
// Package aiofilestest has a file system in memory and one that fails on purpose.
//
// # What lasts
//
// [File.Write] returns when the kernel has the bytes, [File.Sync] when the device
// has them. [WriteFileAtomic] and [CreateAtomic] replace a file as a whole.
package aiofiles
