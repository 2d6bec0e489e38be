package work

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// residentBytes returns what the process pid and its descendants have resident.
// Descendants that end meanwhile count nothing.
func residentBytes(pid int) (int64, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	statm, err := os.ReadFile(dir + "/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, errors.New("statm: too few fields")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("statm: %w", err)
	}
	sum := pages * int64(os.Getpagesize())
	lists, _ := filepath.Glob(dir + "/task/*/children")
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		for child := range strings.FieldsSeq(string(children)) {
			if pid, err := strconv.Atoi(child); err == nil {
				n, _ := residentBytes(pid)
				sum += n
			}
		}
	}
	return sum, nil
}
