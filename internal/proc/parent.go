package proc

import (
	"os"
	"time"
)

// pollParent closes gone when this process has another parent.
func pollParent(parent int, gone chan<- struct{}) {
	defer close(gone)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for os.Getppid() == parent {
		<-tick.C
	}
}
