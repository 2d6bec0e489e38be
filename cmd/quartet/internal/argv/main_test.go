package argv_test

import (
	"os"
	"testing"

	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }
