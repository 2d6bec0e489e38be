package measure_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

// fake is a side that costs what it is told to.
type fake struct {
	log   *[]string
	name  string
	costs []float64 // of round 0 (the warm-up), 1, ...
	work  func(n int) measure.Work
	fail  error // of round 2
	n     int
	round int
}

func (f *fake) open(_ context.Context, n int) (measure.Runner, error) {
	f.n = n
	return f, nil
}

func (f *fake) Round(context.Context) (measure.Result, error) {
	*f.log = append(*f.log, f.name)
	defer func() { f.round++ }()
	if f.round == 2 && f.fail != nil {
		return measure.Result{}, f.fail
	}
	work := want
	if f.work != nil {
		work = f.work
	}
	return measure.Result{Amount: f.costs[min(f.round, len(f.costs)-1)], Work: work(f.n)}, nil
}

func (f *fake) Close() error {
	*f.log = append(*f.log, "close "+f.name)
	return nil
}

func want(n int) measure.Work { return measure.Work{Count: n, Digest: fmt.Sprint("of ", n)} }

func newCase(ours *fake, peers ...*fake) measure.Case {
	c := measure.Case{Name: "x/y", Unit: measure.MillisEach, N: 10, Want: want, Ours: measure.Side{Name: "ours", Open: ours.open}}
	for _, p := range peers {
		c.Peers = append(c.Peers, measure.Side{Name: p.name, Goal: 2, Open: p.open})
	}
	return c
}

func TestRunTakesTurns(t *testing.T) {
	var log []string
	c := newCase(&fake{log: &log, name: "o", costs: []float64{1}}, &fake{log: &log, name: "p", costs: []float64{1}}, &fake{log: &log, name: "q", costs: []float64{1}})
	if _, err := measure.Run(t.Context(), c, measure.Limits{Rounds: 2}); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(log, " "), "o p q o p q q p o close o close p close q"; got != want {
		t.Errorf("sides ran as %q, want %q", got, want)
	}
}

func TestRunPairsRounds(t *testing.T) {
	var log []string
	ours := &fake{log: &log, name: "o", costs: []float64{99, 0.1, 0.2, 0.4}}
	peer := &fake{log: &log, name: "p", costs: []float64{99, 0.4, 0.6, 0.8}}
	rows, err := measure.Run(t.Context(), newCase(ours, peer), measure.Limits{Rounds: 3})
	if err != nil {
		t.Fatal(err)
	}
	r := rows[0]
	if r.Low != 2 || r.High != 4 || fmt.Sprintf("%.3f", r.Ratio) != "3.000" {
		t.Errorf("ratio %v, %v to %v; want 3, 2 to 4", r.Ratio, r.Low, r.High)
	}
	if r.Ours != 20 || r.Peer != 60 { // 0.2 s and 0.6 s for ten items
		t.Errorf("costs %v and %v ms an item, want 20 and 60", r.Ours, r.Peer)
	}
	if !r.Met() || r.Rounds != 3 {
		t.Errorf("met %v after %d rounds, want true after 3", r.Met(), r.Rounds)
	}
}

func TestGoalNeedsLowEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  measure.Row
		met  bool
	}{
		{"low reaches", measure.Row{Goal: 2, Spread: measure.Spread{Ratio: 3, Low: 2, High: 4}}, true},
		{"only the median reaches", measure.Row{Goal: 2, Spread: measure.Spread{Ratio: 3, Low: 1.9, High: 4}}, false},
		{"no goal", measure.Row{Spread: measure.Spread{Ratio: 0.1, Low: 0.1, High: 0.1}}, true},
		{"skip", measure.Row{Goal: 2, Skip: "nginx is not installed"}, false},
	} {
		if got := tt.row.Met(); got != tt.met {
			t.Errorf("%s: met %v, want %v", tt.name, got, tt.met)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		ratios []float64
		want   measure.Spread
	}{
		{[]float64{5}, measure.Spread{Ratio: 5, Low: 5, High: 5}},
		{[]float64{4, 1, 3, 2}, measure.Spread{Ratio: 2.5, Low: 1, High: 4}},
		{[]float64{8, 7, 6, 5, 4, 3, 2, 1}, measure.Spread{Ratio: 4.5, Low: 1, High: 8}},
		{[]float64{9, 8, 7, 6, 5, 4, 3, 2, 1}, measure.Spread{Ratio: 5, Low: 2, High: 8}},
		{[]float64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, measure.Spread{Ratio: 6.5, Low: 3, High: 10}},
	} {
		given := slices.Clone(tt.ratios)
		if got := measure.SpreadOf(tt.ratios); got != tt.want {
			t.Errorf("SpreadOf(%v) = %v, want %v", tt.ratios, got, tt.want)
		}
		if !slices.Equal(given, tt.ratios) {
			t.Errorf("SpreadOf changed its argument to %v", tt.ratios)
		}
	}
}

func TestWorkIsChecked(t *testing.T) {
	lazy := func(n int) measure.Work { return measure.Work{Count: n - 1, Digest: want(n).Digest} }
	var log []string
	good := func() *fake { return &fake{log: &log, name: "good", costs: []float64{1}} }

	rows, err := measure.Run(t.Context(), newCase(good(), &fake{log: &log, name: "p", costs: []float64{1}, work: lazy}, good()), measure.Limits{Rounds: 1})
	if err != nil {
		t.Fatalf("a peer's wrong work is our error: %v", err)
	}
	if !strings.Contains(rows[0].Skip, "count 9") || rows[1].Skip != "" {
		t.Errorf("skips %q and %q, want the first to tell of 9 items", rows[0].Skip, rows[1].Skip)
	}

	rows, err = measure.Run(t.Context(), newCase(&fake{log: &log, name: "o", costs: []float64{1}, work: lazy}, good()), measure.Limits{Rounds: 1})
	if err == nil || !strings.HasPrefix(rows[0].Skip, "ours: wrong work") {
		t.Errorf("our wrong work: error %v, skip %q", err, rows[0].Skip)
	}
}

func TestFailureInTheMiddle(t *testing.T) {
	boom := errors.New("boom")
	var log []string
	good := &fake{log: &log, name: "o", costs: []float64{1}}
	bad := &fake{log: &log, name: "p", costs: []float64{1}, fail: boom}
	rows, err := measure.Run(t.Context(), newCase(good, bad), measure.Limits{Rounds: 3})
	if err != nil || rows[0].Skip != "boom" {
		t.Errorf("peer failed: error %v, skip %q; want nil, boom", err, rows[0].Skip)
	}
	good, bad = &fake{log: &log, name: "p", costs: []float64{1}}, &fake{log: &log, name: "o", costs: []float64{1}, fail: boom}
	if _, err = measure.Run(t.Context(), newCase(bad, good), measure.Limits{Rounds: 3}); !errors.Is(err, boom) {
		t.Errorf("ours failed: error %v, want boom", err)
	}
}

func TestMissingPeerIsASkip(t *testing.T) {
	var log []string
	c := newCase(&fake{log: &log, name: "o", costs: []float64{1}})
	c.Peers = []measure.Side{{Name: "nginx", Goal: 1, Open: func(context.Context, int) (measure.Runner, error) {
		return nil, measure.Skip("%s is not installed", "nginx")
	}}}
	rows, err := measure.Run(t.Context(), c, measure.Limits{Rounds: 1})
	if err != nil || rows[0].Skip != "nginx is not installed" || rows[0].Met() {
		t.Errorf("error %v, skip %q, met %v; want a skip that misses its goal", err, rows[0].Skip, rows[0].Met())
	}
	if got := rows[0].String(); !strings.Contains(got, "skip: nginx is not installed") {
		t.Errorf("the line %q does not tell the skip", got)
	}
}

func TestPeersOwnN(t *testing.T) {
	var log []string
	ours, peer := &fake{log: &log, name: "o", costs: []float64{1}}, &fake{log: &log, name: "p", costs: []float64{1}}
	c := newCase(ours, peer)
	c.Peers[0].N = 2
	rows, err := measure.Run(t.Context(), c, measure.Limits{Rounds: 1})
	if err != nil || rows[0].Ratio != 5 { // 2 items in the time of our 10
		t.Errorf("ratio %v, error %v; want 5", rows[0].Ratio, err)
	}
}

func TestBudgetAndCancel(t *testing.T) {
	var log []string
	ours, peer := &fake{log: &log, name: "o", costs: []float64{1}}, &fake{log: &log, name: "p", costs: []float64{1}}
	rows, err := measure.Run(t.Context(), newCase(ours, peer), measure.Limits{Rounds: 1000, Budget: time.Nanosecond})
	if err != nil || rows[0].Rounds != measure.MinRounds {
		t.Errorf("%d rounds (%v) past the budget, want %d", rows[0].Rounds, err, measure.MinRounds)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := measure.Run(ctx, newCase(ours, peer), measure.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a cancelled run", err)
	}
}

func TestJSON(t *testing.T) {
	row := measure.Row{
		Case: "aiofiles/lines", Unit: "ns/item", Ours: 31.00049, Peer: 24800, PeerName: "aiofiles",
		Spread: measure.Spread{Ratio: 800, Low: 611.25, High: 812}, Goal: 500, Rounds: 9,
	}
	for _, tt := range []struct {
		row  measure.Row
		want string
	}{
		{row, `{"case":"aiofiles/lines","unit":"ns/item","peer_name":"aiofiles","goal":500,"ours":31,"peer":24800,"ratio":800,"low":611.3,"high":812,"met":true,"rounds":9}`},
		{measure.Row{Case: "a/b", Unit: "s", PeerName: "curl", Skip: "curl is not installed"}, `{"case":"a/b","unit":"s","peer_name":"curl","goal":null,"skip":"curl is not installed"}`},
	} {
		got, err := json.Marshal(tt.row)
		if err != nil || string(got) != tt.want {
			t.Errorf("JSON is\n%s (%v), want\n%s", got, err, tt.want)
		}
	}
}

func TestNothingIsInfinite(t *testing.T) {
	var log []string
	free, costly := &fake{log: &log, name: "o", costs: []float64{0}}, &fake{log: &log, name: "p", costs: []float64{1}}
	rows, err := measure.Run(t.Context(), newCase(free, costly), measure.Limits{Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(rows[0]); err != nil {
		t.Errorf("a cost of zero: %v", err)
	}
}
