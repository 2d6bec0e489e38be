package rival

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/bench/internal/measure"
)

// A Batch is many files to fetch with a command: URL + "/00000" and on, to a
// folder, so many at once.
type Batch struct {
	URL   string
	Dir   string // where sides may put their folders
	Width int
}

// A Fetcher is the command line that fetches the first n files of the batch into
// folder. Input is a file that it may name; its text comes from lines.
type Fetcher func(input, folder string) (name string, args []string)

// Fetch runs the command once a round into a new folder. line is what stands in
// the input for one file.
func (b *Batch) Fetch(command Fetcher, line func(url, folder, name string) string) opener {
	return measure.With(func(_ context.Context, n int) (measure.Round, func() error, error) {
		dir, err := os.MkdirTemp(b.Dir, "fetch-")
		if err != nil {
			return nil, nil, err
		}
		free := func() error { return os.RemoveAll(dir) }
		input, folder := filepath.Join(dir, "input"), filepath.Join(dir, "files")
		name, args := command(input, folder)
		path, err := exec.LookPath(name)
		if err != nil {
			free()
			return nil, nil, measure.Skip("%s is not installed", filepath.Base(name))
		}
		var text strings.Builder
		for i := range n {
			file := filepath.Base(FileName("", i))
			text.WriteString(line(b.URL+"/"+file, folder, file))
		}
		if err := os.WriteFile(input, []byte(text.String()), 0o666); err != nil {
			free()
			return nil, nil, err
		}
		return func(ctx context.Context) (measure.Result, error) {
			return Written(folder, n, func() error { return run(ctx, path, args) })
		}, free, nil
	})
}

// Curl fetches with curl --parallel, told by a configuration file.
func (b *Batch) Curl() opener {
	return b.Fetch(func(input, _ string) (string, []string) {
		return "curl", []string{"-q", "--silent", "--show-error", "--fail", "--parallel", "--parallel-max", strconv.Itoa(b.Width), "--config", input}
	}, func(url, folder, name string) string {
		return fmt.Sprintf("url=%q\noutput=%q\n", url, filepath.Join(folder, name))
	})
}

// Aria2 fetches with aria2c, told by an input file.
func (b *Batch) Aria2() opener {
	return b.Fetch(func(input, folder string) (string, []string) {
		return "aria2c", []string{
			"--no-conf", "--quiet", "--max-concurrent-downloads", strconv.Itoa(b.Width), "--max-connection-per-server=1", "--split=1",
			"--file-allocation=none", "--auto-save-interval=0", "--enable-http-keep-alive=true", "--dir", folder, "--input-file", input,
		}
	}, func(url, _, name string) string { return url + "\n  out=" + name + "\n" })
}

// run runs a command to its end.
func run(ctx context.Context, name string, args []string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, strings.TrimSpace(stderr.String()))
	}
	return nil
}
