// Compare measures quartet beside what a user would otherwise pick, on the same
// work, in one run, in turns. It prints a line for each case and peer: what an
// item costs ours and the peer, the peer's cost divided by ours (how many times as
// fast ours is) with its spread, the goal, and whether the low end of the spread
// reaches it.
//
// Usage, in the folder bench:
//
//	go run ./compare [-only REGEXP] [-json] [-rounds N] [-budget D] [-out DIR]
//	go run ./compare -only REGEXP -cpuprofile FILE
//
// The second form runs our side alone and tells where its time goes.
// It ends with 1 if ours failed to do the work of a case; a goal that was missed
// and a peer that is not installed are only told.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"slices"
	"syscall"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/rival"
	"github.com/quartet-go/quartet/multiprocessing"
)

func main() {
	rival.Main()
	os.Exit(multiprocessing.Main(run))
}

// A row names a case and makes it when it is its turn, since some need a server
// or many files.
type row struct {
	name string
	make func(context.Context, *fixtures) (measure.Case, error)
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := compare(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 2
	}
	fmt.Fprintln(os.Stderr, "compare:", err)
	return 1
}

func compare(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "measure the cases whose name matches this regular `expression`")
	asJSON := flags.Bool("json", false, "print one JSON object a row")
	out := flags.String("out", "", "also write host.txt, rows.ndjson and table.md into this `folder`")
	profile := flags.String("cpuprofile", "", "run our side alone and write its CPU profile to this `file`")
	var limits measure.Limits
	flags.IntVar(&limits.Rounds, "rounds", 0, "rounds of a case, at most (default 9)")
	flags.DurationVar(&limits.Budget, "budget", 0, "no further round of a case after this time (default 20s)")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	print, err := newPrinter(stdout, *asJSON, *out)
	if err != nil {
		return err
	}
	defer print.close()
	print.host(ctx)
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}

	fixtures := newFixtures()
	defer fixtures.close()
	var errs []error
	for _, r := range slices.Concat(processRows, loopRows, webRows, fileRows, commandRows) {
		if !pattern.MatchString(r.name) {
			continue
		}
		rows, err := measureRow(ctx, r, fixtures, limits, *profile != "")
		if ctx.Err() != nil {
			return errors.Join(append(errs, context.Cause(ctx))...)
		}
		errs = append(errs, err)
		for _, r := range rows {
			errs = append(errs, print.row(r))
		}
	}
	return errors.Join(errs...)
}

func measureRow(ctx context.Context, r row, f *fixtures, limits measure.Limits, alone bool) ([]measure.Row, error) {
	c, err := r.make(ctx, f)
	if err == nil {
		c.Name = r.name
		if alone {
			c.Peers = nil
		}
		return measure.Run(ctx, c, limits)
	}
	rows := []measure.Row{{Case: r.name, Skip: measure.Reason(err)}}
	if errors.Is(err, measure.ErrSkip) {
		return rows, nil
	}
	return rows, fmt.Errorf("%s: %w", r.name, err)
}

// A printer writes rows as they come: to stdout, and to files if asked to.
type printer struct {
	stdout io.Writer
	json   bool
	files  []*os.File // host.txt, rows.ndjson, table.md; nil without a folder
}

func newPrinter(stdout io.Writer, json bool, folder string) (*printer, error) {
	p := &printer{stdout: stdout, json: json}
	if folder == "" {
		return p, nil
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	for _, name := range []string{"host.txt", "rows.ndjson", "table.md"} {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			p.close()
			return nil, err
		}
		p.files = append(p.files, f)
	}
	fmt.Fprintln(p.files[2], measure.MarkdownHeader)
	return p, nil
}

func (p *printer) close() {
	for _, f := range p.files {
		f.Close()
	}
}

func (p *printer) host(ctx context.Context) {
	for _, line := range hostLines(ctx) {
		if !p.json {
			fmt.Fprintln(p.stdout, "#", line)
		}
		if p.files != nil {
			fmt.Fprintln(p.files[0], line)
		}
	}
	if !p.json {
		fmt.Fprintln(p.stdout, measure.Header)
	}
}

func (p *printer) row(r measure.Row) error {
	object, err := json.Marshal(r)
	if err != nil {
		return err
	}
	line := r.String()
	if p.json {
		line = string(object)
	}
	_, err = fmt.Fprintln(p.stdout, line)
	if p.files != nil {
		_, err2 := fmt.Fprintf(p.files[1], "%s\n", object)
		_, err3 := fmt.Fprintln(p.files[2], r.Markdown())
		err = errors.Join(err, err2, err3)
	}
	return err
}
