package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quartet-go/quartet/cmd/quartet/internal/argv"
	"github.com/quartet-go/quartet/cmd/quartet/internal/fetch"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
	"github.com/quartet-go/quartet/cmd/quartet/internal/urllist"
	"github.com/quartet-go/quartet/cmd/quartet/internal/work"
)

const fetchLong = `Fetch all URLs at once within limits, write each to a file under DIR, and work on
each file in a worker process.

A file is named by the server's Content-Disposition, else by the URL. The name
never leads out of DIR, and no file is overwritten: where a name is taken, a
number goes before its extension. Until it is whole, a file is named NAME.part.

An item that fails with a connection error, a body that breaks off, or status
408, 429, 500, 502, 503 or 504 is tried again after a growing, jittered delay, or
after what Retry-After says.

--digest and --exec run in worker processes. The work on one file that takes
longer than --work-timeout, or more memory than --work-memory, is stopped: that
item fails, and nothing else is touched. A worker that dies otherwise is replaced
and its file worked on again.

On stdout is one line for each file: its name, behind its digest if --digest is
given, or with --json one object for each item. Failures, progress and the
summary are on stderr.

The first Ctrl-C takes no more items and lets those that run finish within
--grace; the second ends all at once.

Exit codes: 0 all done, 1 some items failed, 2 usage, 3 stopped early,
124 --max-time is over, 130 second Ctrl-C, 143 SIGTERM.`

const fetchExample = `  quartet fetch -d out https://example.org/a https://example.org/b
  quartet fetch -d out --digest sha256 -i urls.txt > SHA256SUMS && sha256sum -c SHA256SUMS
  quartet fetch -d out -i - --exec 'gzip -t {}' --work-timeout 10s --work-memory 512M < urls.txt
  quartet fetch -d out -i urls.txt --exec 'sh -c '\''wc -l < "$1"'\'' sh {}'`

// fetchFlags are the flags of fetch that are no fields of fetch.Options.
type fetchFlags struct {
	fetch.Options
	input   string
	exec    string
	headers []string
	maxTime time.Duration
	memory  byteSize
	json    bool
	plain   bool
}

func newFetch() *cobra.Command {
	var flags fetchFlags
	cmd := &cobra.Command{
		Use:     "fetch [URL...] [-i FILE|-] -d DIR",
		Short:   "Fetch URLs to files and work on each",
		Long:    fetchLong,
		Example: fetchExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFetch(cmd, &flags, args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&flags.input, "input", "i", "", "read URLs from `FILE`, one a line (-: stdin); # starts a comment")
	f.StringVarP(&flags.Dir, "dir", "d", "", "write files to `DIR`, which is made if need be")
	f.IntVarP(&flags.Jobs, "jobs", "j", 32, "items at once")
	f.IntVar(&flags.PerHost, "per-host", 16, "requests at once to one host")
	f.DurationVar(&flags.Timeout, "timeout", 0, "longest attempt (0: no limit while bytes arrive)")
	f.DurationVar(&flags.maxTime, "max-time", 0, "longest time overall (0: no limit)")
	f.IntVar(&flags.Retries, "retries", 4, "attempts after the first")
	f.DurationVar(&flags.Grace, "grace", 10*time.Second, "time for running items after the first Ctrl-C")
	f.StringArrayVar(&flags.headers, "header", nil, "send this header, as `'Name: value'`; may be repeated")
	f.StringVar(&flags.UserAgent, "user-agent", "", "send this User-Agent")
	f.StringVar(&flags.Digest, "digest", "", "print the digest of each file: "+strings.Join(work.Hashes(), " or "))
	f.StringVar(&flags.exec, "exec", "", "run `'CMD {}'` on each file, without a shell; {} is its name")
	f.IntVar(&flags.Workers, "workers", 0, "worker processes (0: one for each CPU)")
	f.DurationVar(&flags.WorkTimeout, "work-timeout", 0, "longest work on one file (0: no limit)")
	f.Var(&flags.memory, "work-memory", "most memory of the work on one file, as 512M (0: no limit)")
	f.BoolVar(&flags.json, "json", false, "print one JSON object for each item")
	f.BoolVar(&flags.plain, "plain", false, "no bars and colours on a terminal either")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// check turns flags into options. Its errors are of usage.
func (f *fetchFlags) check(args []string) error {
	switch {
	case len(args) == 0 && f.input == "":
		return errors.New("nothing to fetch: give URLs or -i FILE")
	case f.Dir == "":
		return errors.New("-d DIR is empty")
	case f.Jobs < 1 || f.PerHost < 1:
		return errors.New("-j and --per-host are at least 1")
	case f.Retries < 0 || f.Workers < 0:
		return errors.New("--retries and --workers cannot be negative")
	case f.Timeout < 0 || f.maxTime < 0 || f.Grace < 0 || f.WorkTimeout < 0:
		return errors.New("no time can be negative")
	case f.Digest != "" && !slices.Contains(work.Hashes(), f.Digest):
		return fmt.Errorf("--digest %s: there are %s", f.Digest, strings.Join(work.Hashes(), " and "))
	}
	if f.Retries == 0 {
		f.Retries = -1 // none, where zero fields are defaults
	}
	f.WorkMemory = int64(f.memory)
	return errors.Join(f.checkExec(), f.checkHeaders())
}

func (f *fetchFlags) checkExec() (err error) {
	if f.exec == "" {
		return nil
	}
	if f.Exec, err = argv.Split(f.exec); err != nil {
		return fmt.Errorf("--exec: %w", err)
	}
	if !argv.HasPlaceholder(f.Exec) {
		return errors.New("--exec: no {} says where the file's name goes")
	}
	return nil
}

func (f *fetchFlags) checkHeaders() error {
	f.Header = http.Header{}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return fmt.Errorf("--header %q: want 'Name: value'", h)
		}
		f.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return nil
}

func runFetch(cmd *cobra.Command, flags *fetchFlags, args []string) error {
	if err := flags.check(args); err != nil {
		return err
	}
	var list io.Reader
	switch flags.input {
	case "":
	case "-":
		list = cmd.InOrStdin()
	default:
		file, err := os.Open(flags.input)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		list = file
	}
	rep := report.New(cmd.OutOrStdout(), cmd.ErrOrStderr(), &report.Options{JSON: flags.json, Plain: flags.plain})
	fetcher := fetch.New(rep, flags.Options)

	ctx, stopped, stop := untilSignalled(cmd.Context(), fetcher, rep)
	defer stop()
	if flags.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, flags.maxTime, errMaxTime)
		defer cancel()
	}
	err := fetcher.Run(ctx, urllist.NewReader(args, list))
	ended := ending(ctx, stopped(), err)
	rep.Close(ended.text)
	if ended.code == exitOK && rep.Totals().Failed > 0 {
		ended.code = exitFailed
	}
	if ended.code == exitOK {
		return nil
	}
	return &exit{ended.code, ended.err}
}
