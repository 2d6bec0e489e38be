package aiofiles_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

// exampleFolder makes a folder that the example removes.
func exampleFolder() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}

func ExampleOpen() {
	ctx := context.Background()
	dir, remove := exampleFolder()
	defer remove()
	name := filepath.Join(dir, "menu.txt")

	err := aiofiles.WriteText(ctx, name, "café\ncrème\n", &aiofiles.OpenOptions{Encoding: "latin-1"})
	if err != nil {
		log.Fatal(err)
	}
	f, err := aiofiles.Open(ctx, name, "r", &aiofiles.OpenOptions{Encoding: "latin-1"})
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for line, err := range f.Lines(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(line)
	}
	// Output:
	// café
	// crème
}

func ExampleFile() {
	ctx := context.Background()
	dir, remove := exampleFolder()
	defer remove()
	f, err := aiofiles.Open(ctx, filepath.Join(dir, "f"), "w+b", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	f.WriteString(ctx, "0123456789")
	f.Seek(ctx, -4, io.SeekEnd)
	b, _ := f.ReadN(ctx, 2)
	pos, _ := f.Tell(ctx)
	fmt.Printf("%s, then at %d\n", b, pos)
	_, err = f.ReadN(ctx, 9)
	_, end := f.ReadN(ctx, 9)
	fmt.Println(err, end)
	// Output:
	// 67, then at 8
	// <nil> EOF
}

func ExampleOpenOptions() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.WriteFile(ctx, "f", []byte("ok\xff\xfe"), 0o644)
	for _, errors := range []string{"strict", "replace", "backslashreplace", "ignore"} {
		text, err := aiofiles.ReadText(ctx, "f", &aiofiles.OpenOptions{Errors: errors})
		fmt.Printf("%q %v\n", text, err != nil)
	}
	// Output:
	// "" true
	// "ok��" false
	// "ok\\xff\\xfe" false
	// "ok" false
}

func ExampleNewline() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.WriteFile(ctx, "f", []byte("a\r\nb\rc\n"), 0o644)
	for _, newline := range []aiofiles.Newline{aiofiles.UniversalNewline, aiofiles.KeepNewline, aiofiles.NewlineLF} {
		f, _ := aiofiles.Open(ctx, "f", "r", &aiofiles.OpenOptions{Newline: newline})
		lines, _ := f.ReadLines(ctx)
		fmt.Printf("%q\n", lines)
		f.Close()
	}
	// Output:
	// ["a\n" "b\n" "c\n"]
	// ["a\r\n" "b\r" "c\n"]
	// ["a\r\n" "b\rc\n"]
}

func ExampleStream() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	f, _ := aiofiles.Open(ctx, "f", "w+b", nil)
	defer f.Close()
	fmt.Fprintf(f.Stream(ctx), "%d files", 3) // an io.Writer
	f.Seek(ctx, 0, io.SeekStart)
	text, _ := io.ReadAll(f.Stream(ctx)) // an io.Reader
	fmt.Printf("%s\n", text)
	// Output: 3 files
}

func ExampleWriteFileAtomic() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.WriteFile(ctx, "config", []byte("old"), 0o644)
	err := aiofiles.WriteFileAtomic(ctx, "config", []byte("new"), &aiofiles.AtomicOptions{Strength: aiofiles.FolderSynced})
	data, _ := aiofiles.ReadFile(ctx, "config")
	fmt.Printf("%s %v\n", data, err)
	// Output: new <nil>
}

func ExampleAtomicFile() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	save := func(parts ...string) error {
		f, err := aiofiles.CreateAtomic(ctx, "report", "w", nil)
		if err != nil {
			return err
		}
		defer f.Close() // throws away what was not committed
		for _, part := range parts {
			if part == "" {
				return errors.New("a part is missing")
			}
			if _, err := f.WriteString(ctx, part); err != nil {
				return err
			}
		}
		return f.Commit(ctx)
	}
	fmt.Println(save("one ", "two"))
	fmt.Println(save("half ", ""))
	data, _ := aiofiles.ReadFile(ctx, "report")
	fmt.Printf("%s\n", data)
	// Output:
	// <nil>
	// a part is missing
	// one two
}

func ExampleStrength() {
	for _, s := range []aiofiles.Strength{aiofiles.RenameOnly, aiofiles.DataSynced, aiofiles.FolderSynced} {
		faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
		ctx := aiofiles.WithFS(context.Background(), faulty)
		aiofiles.WriteFileAtomic(ctx, "f", nil, &aiofiles.AtomicOptions{Strength: s})
		fmt.Print(faulty.Calls("sync"), " ")
	}
	// Output: 0 1 2
}

func ExampleLimiter() {
	slow := aiofiles.NewLimiter(4) // for a mount that hangs now and then
	ctx := aiofiles.WithLimiter(context.Background(), slow)
	aiofiles.Stat(ctx, "/mnt/slow")
	fmt.Println(slow.Limit(), slow.InUse(), slow.Waiting())
	// Output: 4 0 0
}

func ExampleFileLock() {
	ctx := context.Background()
	dir, remove := exampleFolder()
	defer remove()
	name := filepath.Join(dir, "app.lock")
	lock, err := aiofiles.Lock(ctx, name, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = aiofiles.TryLock(ctx, name, &aiofiles.LockOptions{Shared: true})
	fmt.Println(errors.Is(err, aiofiles.ErrLocked))
	lock.Close()
	again, err := aiofiles.TryLock(ctx, name, nil)
	fmt.Println(err)
	again.Close()
	// Output:
	// true
	// <nil>
}

func ExampleDir() {
	ctx := context.Background()
	dir, err := aiofiles.TempDir(ctx, &aiofiles.TempOptions{Prefix: "job-"})
	if err != nil {
		log.Fatal(err)
	}
	aiofiles.WriteFile(ctx, filepath.Join(dir.Path, "f"), nil, 0o644)
	fmt.Println(dir.Close())
	there, _ := aiofiles.Exists(ctx, dir.Path)
	fmt.Println(there)
	// Output:
	// <nil>
	// false
}

func ExampleNamedFile() {
	ctx := context.Background()
	f, err := aiofiles.NamedTempFile(ctx, &aiofiles.TempOptions{Suffix: ".csv", Mode: "w"})
	if err != nil {
		log.Fatal(err)
	}
	f.WriteString(ctx, "a,b\n")
	data, _ := aiofiles.ReadFile(ctx, f.Name())
	fmt.Printf("%q %s\n", data, filepath.Ext(f.Name()))
	f.Close()
	there, _ := aiofiles.Exists(ctx, f.Name())
	fmt.Println(there)
	// Output:
	// "a,b\n" .csv
	// false
}

func ExampleSpool() {
	ctx := context.Background()
	s, err := aiofiles.SpooledFile(ctx, 1<<20, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	s.Write(ctx, make([]byte, 1<<20))
	fmt.Println(s.InMemory())
	s.Write(ctx, []byte{1})
	fmt.Println(s.InMemory())
	// Output:
	// true
	// false
}

func ExampleWalk() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.MkdirAll(ctx, "src/.git", 0o755)
	aiofiles.MkdirAll(ctx, "src/sub", 0o755)
	aiofiles.WriteFile(ctx, "src/main.go", nil, 0o644)
	aiofiles.WriteFile(ctx, "src/sub/sub.go", nil, 0o644)
	for folder, err := range aiofiles.Walk(ctx, "src", nil) {
		if err != nil {
			log.Fatal(err)
		}
		folder.Dirs = slices.DeleteFunc(folder.Dirs, func(d os.DirEntry) bool { return d.Name() == ".git" })
		fmt.Println(filepath.ToSlash(folder.Path), folder.Files[0].Name())
	}
	// Output:
	// src main.go
	// src/sub sub.go
}

func ExampleFolder() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.MkdirAll(ctx, "a/b/c", 0o755)
	for folder := range aiofiles.Walk(ctx, "a", &aiofiles.WalkOptions{BottomUp: true}) {
		fmt.Println(filepath.ToSlash(folder.Path), len(folder.Dirs))
	}
	// Output:
	// a/b/c 0
	// a/b 1
	// a 1
}

func ExampleGlob() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.MkdirAll(ctx, "src/deep", 0o755)
	for _, name := range []string{"src/a.go", "src/a.txt", "src/deep/b.go", "src/deep/.c.go"} {
		aiofiles.WriteFile(ctx, name, nil, 0o644)
	}
	for name := range aiofiles.Glob(ctx, "src/**/*.go", nil) {
		fmt.Println(filepath.ToSlash(name))
	}
	// Output:
	// src/a.go
	// src/deep/b.go
}

func ExampleCopyTree() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.MkdirAll(ctx, "src/sub", 0o755)
	aiofiles.WriteFile(ctx, "src/sub/f", make([]byte, 1000), 0o644)
	err := aiofiles.CopyTree(ctx, "src", "dst", &aiofiles.CopyOptions{
		Progress: func(p aiofiles.CopyProgress) { fmt.Println(p.Bytes, p.Files) },
	})
	fmt.Println(err)
	// Output:
	// 1000 0
	// 1000 1
	// <nil>
}

func ExampleRoot() {
	ctx := context.Background()
	dir, remove := exampleFolder()
	defer remove()
	root, err := aiofiles.OpenRoot(ctx, dir)
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	aiofiles.WriteFile(root.In(ctx), "inside", []byte("fine"), 0o644)
	_, err = aiofiles.ReadFile(root.In(ctx), "../../etc/passwd")
	fmt.Println(err)
	// Output: openat ../../etc/passwd: path escapes from parent
}

func ExamplePoisonError() {
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	faulty.Fail(aiofilestest.Fault{Op: "sync", Err: errors.New("device is gone"), Times: 1})
	ctx := aiofiles.WithFS(context.Background(), faulty)
	f, _ := aiofiles.Open(ctx, "f", "wb", nil)
	defer f.Close()
	fmt.Println(f.Sync(ctx))
	fmt.Println(f.Sync(ctx))
	// Output:
	// sync f: device is gone
	// sync f: aiofiles: content is in doubt since sync: sync f: device is gone
}

func ExampleDecodeError() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.WriteFile(ctx, "f", []byte("ok\xff"), 0o644)
	_, err := aiofiles.ReadText(ctx, "f", nil)
	if bad, ok := errors.AsType[*aiofiles.DecodeError](err); ok {
		fmt.Println(bad.Offset, bad.Reason)
	}
	// Output: 2 invalid start byte
}

func ExampleEncodeError() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	err := aiofiles.WriteText(ctx, "f", "5 €", &aiofiles.OpenOptions{Encoding: "latin-1"})
	if bad, ok := errors.AsType[*aiofiles.EncodeError](err); ok {
		fmt.Println(bad.Text, bad.Reason)
	}
	// Output: € ordinal not in range(256)
}
