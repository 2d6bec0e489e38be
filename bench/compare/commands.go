package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/rival"
)

var commandRows = []row{
	{"quartet/fetch-2000", commandFetch},
}

const fetchWidth = 32 // files at once, for each command

// quartet builds the command, once.
func (f *fixtures) quartet(ctx context.Context) (string, error) {
	return f.once("quartet", func(path string) error {
		root, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/quartet-go/quartet")
		if err != nil {
			return err
		}
		_, err = output(ctx, filepath.Join(root, "cmd", "quartet"), "go", "build", "-o", path, ".")
		return err
	})
}

// output runs a command to its end.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// commandFetch gets 2,000 files of 16 KiB with one command, to files in memory as
// fileWrite does.
func commandFetch(ctx context.Context, f *fixtures) (measure.Case, error) {
	files, err := f.files()
	if err != nil {
		return measure.Case{}, err
	}
	server, err := f.nginx(ctx)
	if err != nil {
		return measure.Case{}, err
	}
	quartet, err := f.quartet(ctx)
	if err != nil {
		return measure.Case{}, err
	}
	out, err := f.memory("fetched")
	if err != nil {
		return measure.Case{}, err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return measure.Case{}, err
	}
	width := strconv.Itoa(fetchWidth)
	batch := &rival.Batch{URL: server.URL + "/" + filepath.Base(files), Dir: out, Width: fetchWidth}
	return measure.Case{
		Unit: measure.Millis, N: fileCount, Want: sameFiles,
		Ours: measure.Side{Name: "quartet", Open: batch.Fetch(func(input, folder string) (string, []string) {
			return quartet, []string{"fetch", "--input", input, "--dir", folder, "--jobs", width, "--per-host", width}
		}, func(url, _, _ string) string { return url + "\n" })},
		Peers: []measure.Side{
			{Name: "curl -Z", Open: batch.Curl()},
			{Name: "aria2c", Goal: 1, Open: batch.Aria2()},
		},
	}, nil
}
