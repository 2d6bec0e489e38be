package multiprocessing

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/quartet-go/quartet/internal/proc"
)

// sentryName is the sentry's argv[0].
const sentryName = "quartet-sentry"

// startSentry starts the process that outlives this one and kills what is left of
// the trees inside tree's.
func startSentry(tree string, command, env []string) (*proc.Sentry, error) {
	return proc.NewSentry(func() (*proc.Child, *os.File, error) {
		path, argv, err := program(command)
		if err != nil {
			return nil, nil, err
		}
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil, err
		}
		defer r.Close()
		m := mark{role: roleSentry, nonce: newNonce()}
		if err := writeBoot(w, m.nonce, boot{Name: sentryName}); err != nil {
			w.Close()
			return nil, nil, err
		}
		c, err := proc.Start(proc.Spec{
			Path: path, Args: append([]string{sentryName}, argv[1:]...),
			Env:      childEnv(append(slices.Clone(env), "GOMAXPROCS=1"), m),
			Files:    []*os.File{r},
			Tree:     tree,
			Detached: true,
		})
		if err != nil {
			w.Close()
			return nil, nil, err
		}
		return c, w, nil
	})
}

// serveSentry is Main in the sentry. It holds on to nothing of its parent's but
// the pipe, and no signal that is meant for the program ends it.
func serveSentry(pipe *os.File, tree string) int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	_ = os.Chdir("/")
	closeInherited(childFD)
	if err := proc.ServeSentry(pipe, tree); err != nil {
		return 1
	}
	return 0
}

// closeInherited closes what this process got from its parent without asking:
// descriptors that were not marked close-on-exec. The runtime's own stay.
func closeInherited(keep int) {
	proc.CloseDescriptors(func(fd int, target string) bool {
		return fd > 2 && fd != keep && !strings.HasPrefix(target, "anon_inode:[event")
	})
}
