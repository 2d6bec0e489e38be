// Terminate ends a process that has started a program: once with that program,
// once leaving it as an orphan.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// sleeps starts a program and prints its process id.
var sleeps = multiprocessing.Register("sleeps", func(context.Context, struct{}) (struct{}, error) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		return struct{}{}, err
	}
	fmt.Println(cmd.Process.Pid)
	return struct{}{}, cmd.Wait()
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	for _, end := range []func(*multiprocessing.Process) error{
		(*multiprocessing.Process).Terminate,
		(*multiprocessing.Process).TerminateOnly,
	} {
		if err := try(end); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0 // and the orphan ends, as all that is left does
}

func try(end func(*multiprocessing.Process) error) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	p := multiprocessing.NewProcess(sleeps, struct{}{}, &multiprocessing.ProcessOptions{Stdout: w})
	if err := p.Start(); err != nil {
		return err
	}
	w.Close()
	grandchild, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return err
	}
	if err := end(p); err != nil {
		return err
	}
	if err := p.Join(context.Background()); err != nil {
		return err
	}
	fmt.Println(p, "and its child is alive:", alive(grandchild))
	return p.Close()
}

// alive reports whether a process is still there after a moment.
func alive(pid string) bool {
	for range 100 {
		stat, err := os.ReadFile("/proc/" + pid[:len(pid)-1] + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") { // a zombie is dead
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}
