// Files shows the three ways to use a file: bytes written, text written and read
// in an encoding, and a loop over its lines. It runs in a task of a loop, where
// each call suspends the task.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func main() {
	if _, err := asyncio.Run(context.Background(), files, nil); err != nil {
		log.Fatal(err)
	}
}

func files(ctx context.Context) (none struct{}, err error) {
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		return none, err
	}
	defer os.RemoveAll(dir)
	if err := writeVideo(ctx, filepath.Join(dir, "clip.mp4")); err != nil {
		return none, err
	}
	return none, readPoem(ctx, filepath.Join(dir, "poem.txt"))
}

// writeVideo writes bytes: mode "wb".
func writeVideo(ctx context.Context, name string) error {
	content := append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"), make([]byte, 1000)...)
	f, err := aiofiles.Open(ctx, name, "wb", nil)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := f.Write(ctx, content)
	if err != nil {
		return err
	}
	fmt.Printf("wrote %d bytes of video\n", n)
	return f.Close()
}

// readPoem writes text, reads it at once, and then line by line.
func readPoem(ctx context.Context, name string) error {
	utf16 := &aiofiles.OpenOptions{Encoding: "utf-16"}
	poem := "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡\n"
	if err := aiofiles.WriteText(ctx, name, poem, utf16); err != nil {
		return err
	}
	f, err := aiofiles.Open(ctx, name, "r", utf16)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := f.ReadText(ctx, -1)
	if err != nil {
		return err
	}
	fmt.Printf("read %d characters of text\n", len([]rune(text)))
	if _, err := f.Seek(ctx, 0, 0); err != nil {
		return err
	}
	number := 0
	for line, err := range f.Lines(ctx) {
		if err != nil {
			return err
		}
		number++
		fmt.Printf("%d: %s", number, line)
	}
	return nil
}
