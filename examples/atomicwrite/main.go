// Atomicwrite replaces a file while others read it: they see the old content or the
// new one, never a part, and a writer that fails leaves the old one.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"path/filepath"
	"strings"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func main() {
	if _, err := asyncio.Run(context.Background(), atomicWrite, nil); err != nil {
		log.Fatal(err)
	}
}

func atomicWrite(ctx context.Context) (none struct{}, err error) {
	dir, err := aiofiles.TempDir(ctx, nil)
	if err != nil {
		return none, err
	}
	defer dir.Close()
	name := filepath.Join(dir.Path, "config")
	version := func(i int) []byte { return []byte(strings.Repeat(fmt.Sprintf("version %02d\n", i), 1000)) }
	if err := aiofiles.WriteFileAtomic(ctx, name, version(0), nil); err != nil {
		return none, err
	}

	// Readers and a writer at the same time.
	done := false
	mixed := 0
	reader := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
		for !done {
			data, err := aiofiles.ReadFile(ctx, name)
			if err != nil {
				return 0, err
			}
			if string(data) != strings.Repeat(string(data[:11]), 1000) {
				mixed++
			}
		}
		return 0, nil
	})
	for i := 1; i <= 20; i++ {
		err := aiofiles.WriteFileAtomic(ctx, name, version(i), &aiofiles.AtomicOptions{Strength: aiofiles.RenameOnly})
		if err != nil {
			return none, err
		}
	}
	done = true
	if _, err := asyncio.Await(ctx, reader); err != nil {
		return none, err
	}
	fmt.Printf("20 replacements, %d mixed reads\n", mixed)

	// A writer in several steps, one of which fails.
	err = save(ctx, name)
	data, readErr := aiofiles.ReadFile(ctx, name)
	fmt.Printf("%v: the file still has %q\n", err, data[:10])
	entries, listErr := aiofiles.ReadDir(ctx, dir.Path)
	fmt.Printf("%d file in the folder\n", len(entries))
	return none, errors.Join(readErr, listErr)
}

func save(ctx context.Context, name string) error {
	f, err := aiofiles.CreateAtomic(ctx, name, "w", &aiofiles.AtomicOptions{Strength: aiofiles.FolderSynced})
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(ctx, "half of version 21"); err != nil {
		return err
	}
	return errors.New("out of ideas") // so Commit is never reached
}
