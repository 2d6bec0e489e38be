package multiprocessing_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// busy says that it is there, then is what its argument says until it is killed.
var busy = multiprocessing.Register("busy", func(ctx context.Context, how string) (none, error) {
	shell := func(script string, env []string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", script)
		cmd.Stdout, cmd.Env = os.Stdout, env
		if err := cmd.Start(); err != nil {
			fmt.Println(err)
		}
		return cmd
	}
	switch how {
	case "idle":
	case "busy in Go":
		go fmt.Println("ready")
		for n := 0; ; n++ {
			spun = n
		}
	case "busy in a child":
		shell("while :; do :; done", os.Environ())
	case "child that cleared its environment":
		shell("exec sleep 1000", []string{"PATH=" + os.Getenv("PATH")})
	case "detached grandchild":
		_ = shell("setsid sleep 1000 & exit", os.Environ()).Wait()
	case "process of its own":
		if err := multiprocessing.NewProcess(busy2, "detached grandchild", nil).Start(); err != nil {
			fmt.Println(err)
		}
		select {}
	}
	fmt.Println("ready")
	select {}
})

var spun int

var busy2 = multiprocessing.Register("busy2", func(ctx context.Context, how string) (none, error) {
	cmd := exec.Command("sh", "-c", "setsid sleep 1000 & exit")
	cmd.Stdout = os.Stdout
	err := cmd.Run()
	fmt.Println("ready", err)
	select {}
})

func init() {
	programs["parent"] = func() int { return multiprocessing.Main(parentOfOrphans) }
}

// parentOfOrphans starts a process that is busy in the way of the first argument,
// and ends in the way that it reads from its input.
func parentOfOrphans() int {
	how, inPool := strings.CutPrefix(os.Args[1], "pool: ")
	if err := startBusy(how, inPool); err != nil {
		fmt.Println(err)
		return 1
	}
	var end string
	fmt.Scanln(&end)
	switch end {
	case "panic":
		panic("the parent panics")
	case "exit":
		os.Exit(3)
	}
	os.Exit(1) // the test is gone
	return 0
}

// startBusy starts what is busy in a way, in a process or in a pool's worker.
func startBusy(how string, inPool bool) error {
	if !inPool {
		return multiprocessing.NewProcess(busy, how, nil).Start()
	}
	pool, err := multiprocessing.NewPool(context.Background(), &multiprocessing.PoolOptions{Workers: 2})
	if err != nil {
		return err
	}
	if how == "without a task" {
		fmt.Println("ready")
		return nil
	}
	multiprocessing.ApplyAsync(context.Background(), pool, busy, how, nil)
	return nil
}

// orphanLimit is the promise of Main.
const orphanLimit = time.Second

func TestOrphanMatrix(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"SIGKILL", "SIGTERM", "panic", "exit"} {
		for _, worker := range []string{
			"idle", "busy in Go", "busy in a child", "child that cleared its environment",
			"detached grandchild", "process of its own",
			"pool: without a task", "pool: idle", "pool: busy in Go", "pool: busy in a child", "pool: detached grandchild",
		} {
			t.Run(end+"/"+worker, func(t *testing.T) {
				t.Parallel()
				p := run(t, "parent", worker)
				if got := p.line(t); !strings.HasPrefix(got, "ready") {
					t.Fatalf("printed %q, want ready", got)
				}
				begin := time.Now()
				switch end {
				case "SIGKILL":
					p.Process.Kill()
				case "SIGTERM":
					p.Process.Signal(syscall.SIGTERM)
				default:
					fmt.Fprintln(p.in, end)
				}
				_ = p.Wait()
				p.gone(t, orphanLimit)
				t.Logf("all dead after %v", time.Since(begin))
			})
		}
	}
}

// sentryOf returns the process id of the sentry of the process with that id.
func sentryOf(t *testing.T, parent int) int {
	t.Helper()
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		cmdline, _ := os.ReadFile(name)
		stat, _ := os.ReadFile(filepath.Dir(name) + "/stat")
		_, after, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(after); strings.HasPrefix(string(cmdline), "quartet-sentry") &&
			len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			return pid
		}
	}
	return 0
}

func TestSentryThatIsKilledComesBack(t *testing.T) {
	t.Parallel()
	p := run(t, "parent", "detached grandchild")
	p.line(t)
	first := sentryOf(t, p.Process.Pid)
	if first == 0 {
		t.Fatal("no sentry")
	}
	syscall.Kill(first, syscall.SIGTERM) // which it ignores
	syscall.Kill(first, syscall.SIGINT)
	syscall.Kill(first, syscall.SIGKILL)
	eventually(t, func() bool {
		next := sentryOf(t, p.Process.Pid)
		return next != 0 && next != first
	}, func() string { return "no second sentry" })
	p.Process.Kill()
	_ = p.Wait()
	p.gone(t, orphanLimit)
}

func TestSentryHoldsNothing(t *testing.T) {
	t.Parallel()
	p := run(t, "parent", "idle")
	p.line(t)
	sentry := sentryOf(t, p.Process.Pid)
	if sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, uintptr(sentry), 0, 0); int(sid) != sentry {
		t.Errorf("session of the sentry %d: %d, want its own", sentry, sid)
	}
	var held []string
	eventually(t, func() bool { // it may still be on its way to Main
		held = foreignFiles(sentry)
		return len(held) == 0
	}, func() string { return fmt.Sprintf("the sentry holds %q", held) })
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", sentry)); string(name) != "quartet-sentry\n" || err != nil {
		t.Errorf("name of the sentry %q, %v", name, err)
	}
}

// foreignFiles returns the descriptors of the sentry but those that it needs.
func foreignFiles(sentry int) (held []string) {
	dir := fmt.Sprintf("/proc/%d/fd", sentry)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{err.Error()}
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil && target != os.DevNull && !strings.HasPrefix(target, "anon_inode:[event") &&
			!(e.Name() == "3" && strings.HasPrefix(target, "pipe:")) {
			held = append(held, e.Name()+" of "+target)
		}
	}
	return held
}
