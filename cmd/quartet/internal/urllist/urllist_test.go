package urllist_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/quartet-go/quartet/cmd/quartet/internal/urllist"
)

func all(t *testing.T, r *urllist.Reader) (items []urllist.Item, err error) {
	t.Helper()
	for {
		item, err := r.Next()
		if err != nil {
			return items, err
		}
		if (item.URL == nil) == (item.Err == nil) {
			t.Errorf("%q: URL %v and Err %v", item.Raw, item.URL, item.Err)
		}
		items = append(items, item)
	}
}

func TestMalformedItemsAreItems(t *testing.T) {
	list := strings.Join([]string{
		"# a list",
		"http://h/1",
		"",
		"  https://h/2 \r",
		"ftp://h/3",
		"http://[::1/4",
		"/5",
		"http:///6",
		"http://h/%zz",
		"http://h/" + strings.Repeat("x", 2*urllist.MaxLineBytes),
		"http://user:secret@h/7%2F?a=%20",
		"http://h/last",
	}, "\n")
	items, err := all(t, urllist.NewReader([]string{"http://h/0", "nonsense"}, iotest.OneByteReader(strings.NewReader(list))))
	if err != io.EOF {
		t.Errorf("the list ended with %v", err)
	}
	want := []struct{ raw, err string }{
		{"http://h/0", ""},
		{"nonsense", "argument 2: malformed URL: scheme"},
		{"http://h/1", ""},
		{"https://h/2", ""},
		{"ftp://h/3", "line 5: malformed URL: scheme"},
		{"http://[::1/4", "line 6: malformed URL: "},
		{"/5", "line 7: malformed URL: scheme"},
		{"http:///6", "line 8: malformed URL: no host"},
		{"http://h/%zz", "line 9: malformed URL: invalid URL escape"},
		{"http://h/xxx", "line 10: longer than"},
		{"http://user:secret@h/7%2F?a=%20", ""},
		{"http://h/last", ""},
	}
	if len(items) != len(want) {
		t.Fatalf("%d items, want %d", len(items), len(want))
	}
	for i, item := range items {
		if !strings.HasPrefix(item.Raw, want[i].raw) {
			t.Errorf("item %d is %q, want %q", i, item.Raw, want[i].raw)
		}
		if got := errText(item.Err); !strings.HasPrefix(got, want[i].err) || (got == "") != (want[i].err == "") {
			t.Errorf("%.20q: error %q, want %q", item.Raw, got, want[i].err)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestEndOfList(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		name  string
		list  io.Reader
		items int
		want  error
	}{
		{"no list", nil, 0, io.EOF},
		{"empty", strings.NewReader(""), 0, io.EOF},
		{"only comments", strings.NewReader("#\n\n # x\n"), 0, io.EOF},
		{"no last newline", strings.NewReader("http://h/1"), 1, io.EOF},
		{"too long and no newline", strings.NewReader(strings.Repeat("x", urllist.MaxLineBytes+1)), 1, io.EOF},
		{"read error", io.MultiReader(strings.NewReader("http://h/1\n"), iotest.ErrReader(broken)), 1, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			items, err := all(t, urllist.NewReader(nil, tt.list))
			if len(items) != tt.items || !errors.Is(err, tt.want) {
				t.Errorf("%d items, then %v, want %d, then %v", len(items), err, tt.items, tt.want)
			}
		})
	}
}
