package asynciotest_test

import "runtime"

// goexit is what t.FailNow does.
func goexit() { runtime.Goexit() }
