//go:build unix

package aiofiles_test

import (
	"context"
	"fmt"
	"log"
	"path/filepath"

	"github.com/quartet-go/quartet/aiofiles"
)

func ExampleAccess() {
	ctx := context.Background()
	dir, remove := exampleFolder()
	defer remove()
	name := filepath.Join(dir, "script")
	if err := aiofiles.WriteFile(ctx, name, []byte("#!/bin/sh\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	for _, how := range []aiofiles.Access{aiofiles.CanRead | aiofiles.CanWrite, aiofiles.CanExecute} {
		may, err := aiofiles.MayAccess(ctx, name, how)
		fmt.Println(may, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleVolume() {
	v, err := aiofiles.StatVolume(context.Background(), ".")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Size > 0, v.Free <= v.Size, v.Available <= v.Free)
	// Output: true true true
}
