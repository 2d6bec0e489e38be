package multiprocessing

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quartet-go/quartet/internal/proc"
)

// ErrMainNotCalled is the error of starting a child outside [Main], where a child
// would run the whole program again instead of serving.
var ErrMainNotCalled = errors.New(
	"multiprocessing: Main was not called: let func main be os.Exit(multiprocessing.Main(run)), in tests TestMain with m.Run")

// Main runs a program that has child processes. It is all that func main does:
//
//	func main() { os.Exit(multiprocessing.Main(run)) }
//
// In the parent, Main calls run, then ends the daemons, waits for the other
// processes, and returns run's code. In a child, which is the same binary, it
// serves the parent and never returns. So everything that must exist in children
// too, registered functions above all, is declared at package level.
//
// If the parent ends in another way, by [os.Exit], a panic or a signal, or if
// anything is left at its end, every descendant is killed within a second. Not
// covered is a descendant that cleared its environment and left its process group.
//
// A test binary has the same in TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(multiprocessing.Main(m.Run)) }
//
// Python: the guard if __name__ == '__main__' and multiprocessing.freeze_support.
func Main(run func() int) int {
	if m, ok := takeMark(); ok {
		os.Exit(m.serve())
	}
	here.enter(os.Getenv(proc.TreeVar)+"r"+newNonce()[:16]+".", boot{Name: "MainProcess"})
	code := run()
	here.leave()
	return code
}

// markVar marks a child; its value is role:nonce. Main reads and removes it before
// any of the user's code that could start a process with it.
const markVar = "QUARTET_CHILD"

// childFD is the descriptor of a child's connection to its parent.
const childFD = 3

// A role is what a child was started for.
type role string

const (
	roleProcess role = "process"
	roleWorker  role = "worker"
	roleWarm    role = "warm" // to be told another
	roleSentry  role = "sentry"
)

// marked reports whether this process is a child that has not called Main.
func marked() bool { return os.Getenv(markVar) != "" }

// A mark is what a child finds in its environment.
type mark struct {
	role  role
	nonce string
}

func takeMark() (mark, bool) {
	value, ok := os.LookupEnv(markVar)
	if !ok || value == "" {
		return mark{}, false
	}
	os.Unsetenv(markVar)
	r, nonce, _ := strings.Cut(value, ":")
	return mark{role: role(r), nonce: nonce}, true
}

func (m mark) String() string { return markVar + "=" + string(m.role) + ":" + m.nonce }

// serve does a child's work and returns its exit code.
func (m mark) serve() int {
	code, err := m.dispatch()
	if err != nil {
		fmt.Fprintf(os.Stderr, "multiprocessing: %s=%s:...: %v\n", markVar, m.role, err)
		return exitNoParent
	}
	return code
}

// exitNoParent is the exit code of a process that is marked as a child and finds
// no parent at its other end.
const exitNoParent = 70

// bootLimit is how long a child that runs may wait for what its parent wrote
// before it started it.
const bootLimit = 10 * time.Second

func (m mark) dispatch() (int, error) {
	tree := os.Getenv(proc.TreeVar)
	f := os.NewFile(childFD, "parent")
	proc.SetName(filepath.Base(os.Args[0]))
	if m.role == roleSentry {
		if _, err := readBoot(f, m.nonce); err != nil {
			return 0, err
		}
		return serveSentry(f, tree), nil
	}
	conn, err := proc.Conn(f)
	if err != nil {
		return 0, err
	}
	_ = conn.SetReadDeadline(time.Now().Add(bootLimit))
	b, err := readBoot(conn, m.nonce)
	if err != nil {
		return 0, err
	}
	_ = conn.SetReadDeadline(time.Time{})
	if m.role == roleWarm {
		if m.role, b, err = waitWarm(conn, m.nonce); err != nil {
			return 0, err
		}
	}
	here.enter(tree, b)
	if b.Memory > 0 {
		_ = proc.LimitMemory(b.Memory) // what it cannot do, the parent's looks do
	}
	switch m.role {
	case "":
		return 0, nil // not needed any more
	case roleProcess:
		return serveProcess(conn), nil
	case roleWorker:
		return serveWorker(conn), nil
	default:
		return 0, fmt.Errorf("no role %q in this version", m.role)
	}
}

// A boot is what a child learns of itself before it serves. It is the first thing
// on the connection: magic, nonce, length, and itself as JSON.
type boot struct {
	Name       string `json:"name"`
	Identity   []int  `json:"identity,omitempty"` // of Process-1:2: 1, 2
	Daemon     bool   `json:"daemon,omitempty"`
	ParentName string `json:"parent_name,omitempty"`
	ParentPid  int    `json:"parent_pid,omitempty"`
	Memory     int64  `json:"memory,omitempty"` // the limit, in bytes
}

const (
	bootMagic = "QRT1"
	nonceLen  = 32      // hexadecimal digits
	maxBoot   = 1 << 16 // bytes of JSON
)

func newNonce() string {
	var b [nonceLen / 2]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// writeBoot writes the first words to a child.
func writeBoot(w io.Writer, nonce string, b boot) error {
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return writeFrame(w, nonce, data)
}

// readBoot reads what writeBoot wrote and checks that it is from the process that
// set the mark.
func readBoot(r io.Reader, nonce string) (b boot, err error) {
	data, err := readFrame(r, nonce)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(data, &b)
}

func writeFrame(w io.Writer, nonce string, data []byte) error {
	frame := append([]byte(bootMagic), nonce...)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(data)))
	_, err := w.Write(append(frame, data...))
	return err
}

func readFrame(r io.Reader, nonce string) ([]byte, error) {
	var head [len(bootMagic) + nonceLen + 4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("reading the parent's first words: %w", err)
	}
	if got := string(head[:len(head)-4]); got != bootMagic+nonce {
		return nil, errors.New("what is on descriptor 3 is not the parent")
	}
	n := binary.LittleEndian.Uint32(head[len(head)-4:])
	if n > maxBoot {
		return nil, fmt.Errorf("the parent's first words claim %d bytes", n)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("reading the parent's first words: %w", err)
	}
	return data, nil
}
