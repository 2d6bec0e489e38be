// Text reads one file in several encodings and says what becomes of bytes that are
// no text, and of characters that have no form.
package main

import (
	"context"
	"fmt"
	"log"
	"path/filepath"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func main() {
	if _, err := asyncio.Run(context.Background(), text, nil); err != nil {
		log.Fatal(err)
	}
}

func text(ctx context.Context) (none struct{}, err error) {
	dir, err := aiofiles.TempDir(ctx, nil)
	if err != nil {
		return none, err
	}
	defer dir.Close()
	name := filepath.Join(dir.Path, "text")

	// One text in four encodings.
	const greeting = "Grüße, 世界\n"
	for _, encoding := range []string{"utf-8", "utf-16", "gb18030", "latin-1"} {
		err := aiofiles.WriteText(ctx, name, greeting, &aiofiles.OpenOptions{Encoding: encoding, Errors: "xmlcharrefreplace"})
		if err != nil {
			return none, err
		}
		data, err := aiofiles.ReadFile(ctx, name)
		if err != nil {
			return none, err
		}
		back, err := aiofiles.ReadText(ctx, name, &aiofiles.OpenOptions{Encoding: encoding})
		if err != nil {
			return none, err
		}
		fmt.Printf("%-8s %2d bytes, read as %q\n", encoding, len(data), back)
	}

	// Bytes that are no text.
	if err := aiofiles.WriteFile(ctx, name, []byte("caf\xe9 \xff"), 0o644); err != nil {
		return none, err
	}
	for _, handler := range []string{"strict", "ignore", "replace", "backslashreplace", "surrogateescape"} {
		s, err := aiofiles.ReadText(ctx, name, &aiofiles.OpenOptions{Errors: handler})
		if err != nil {
			fmt.Printf("%-16s position 3 is no UTF-8\n", handler)
			continue
		}
		fmt.Printf("%-16s %q\n", handler, s)
	}

	// A position in a text is good for coming back.
	f, err := aiofiles.Open(ctx, name, "w+", &aiofiles.OpenOptions{Encoding: "utf-16"})
	if err != nil {
		return none, err
	}
	defer f.Close()
	if _, err := f.WriteString(ctx, greeting+"the end\n"); err != nil {
		return none, err
	}
	if _, err := f.Seek(ctx, 0, 0); err != nil {
		return none, err
	}
	first, err := f.ReadLine(ctx)
	if err != nil {
		return none, err
	}
	place, err := f.Tell(ctx)
	if err != nil {
		return none, err
	}
	rest, err := f.ReadText(ctx, -1)
	if err != nil {
		return none, err
	}
	if _, err := f.Seek(ctx, place, 0); err != nil {
		return none, err
	}
	again, err := f.ReadText(ctx, 3)
	fmt.Printf("%q, %q, and again %q\n", first, rest, again)
	return none, err
}
