// Lines counts the words of a log line by line, as strings and without a string for
// each, while another task of the loop goes on.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"path/filepath"
	"strings"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func main() {
	if _, err := asyncio.Run(context.Background(), lines, nil); err != nil {
		log.Fatal(err)
	}
}

func lines(ctx context.Context) (none struct{}, err error) {
	dir, err := aiofiles.TempDir(ctx, nil)
	if err != nil {
		return none, err
	}
	defer dir.Close()
	name := filepath.Join(dir.Path, "log")
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "%05d the quick brown fox\n", i)
	}
	if err := aiofiles.WriteText(ctx, name, text.String(), nil); err != nil {
		return none, err
	}

	words := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return countWords(ctx, name) })
	longest := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return find(ctx, name, "09999") })
	results, err := asyncio.Gather(ctx, words, longest)
	if err != nil {
		return none, err
	}
	fmt.Printf("%d words; 09999 is line %d\n", results[0], results[1])
	return none, nil
}

// countWords gets a string for each line.
func countWords(ctx context.Context, name string) (n int, err error) {
	f, err := aiofiles.Open(ctx, name, "r", nil)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for line, err := range f.Lines(ctx) {
		if err != nil {
			return 0, err
		}
		n += len(strings.Fields(line))
	}
	return n, nil
}

// find looks at bytes that are good until the next line; leaving the loop is fine.
func find(ctx context.Context, name, prefix string) (n int, err error) {
	f, err := aiofiles.Open(ctx, name, "rb", nil)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for line, err := range f.LineBytes(ctx) {
		if err != nil {
			return 0, err
		}
		n++
		if bytes.HasPrefix(line, []byte(prefix)) {
			break
		}
	}
	return n, nil
}
