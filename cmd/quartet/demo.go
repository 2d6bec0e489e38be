package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quartet-go/quartet/cmd/quartet/internal/demo"
)

const demoLong = `Fetch a few hundred files from a server on loopback that misbehaves on purpose:
slow answers, 500, 429 with Retry-After, connections reset in the middle,
redirects, compression nobody asked for, bodies shorter than announced.

Worker processes digest the files. One of them is killed with -9 after it took
its task, one task loops for ever, and one allocates 1 GiB: the first is done
again, the others are stopped by the limits of time and memory alone, and nothing
else is touched.

What each file should be follows from the seed. The exit code is 1 if any byte
differs.`

func newDemo() *cobra.Command {
	var opts demo.Options
	var sabotage string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on a server that misbehaves on purpose",
		Long:  demoLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch sabotage {
			case "":
			case "flip":
				opts.Flip = true
			default:
				return fmt.Errorf("--sabotage %s: there is flip", sabotage)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			err := demo.Run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), &opts)
			switch {
			case ctx.Err() != nil:
				return &exit{exitInterrupt, nil}
			case err != nil:
				return &exit{exitFailed, err}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&opts.Dir, "dir", "d", "", "keep the files in `DIR` (default: a temporary folder)")
	f.Uint64Var(&opts.Seed, "seed", 1, "decides on the files")
	f.IntVar(&opts.Files, "files", 300, "how many files, at least 100")
	f.StringVar(&sabotage, "sabotage", "", "'flip' has the server change one byte, which must be found out")
	return cmd
}
