package work

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
)

func TestResidentBytesCountsDescendants(t *testing.T) {
	own, err := residentBytes(os.Getpid())
	if err != nil || own < 1<<20 {
		t.Fatalf("residentBytes of this process = %d, %v", own, err)
	}
	// A child and its child, which says when it is there.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "sh -c 'echo up; cat'; :")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	child, err := residentBytes(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	all, err := residentBytes(os.Getpid())
	if err != nil || all < child+1<<20 {
		t.Errorf("residentBytes with descendants = %d, %v, the child and its child alone %d", all, err, child)
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := residentBytes(cmd.Process.Pid); err == nil {
		t.Error("residentBytes of a process that is gone: no error")
	}
}
