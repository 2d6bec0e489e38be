package measure

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Row is the outcome of one case against one peer.
type Row struct {
	Case     string
	Unit     string
	Ours     float64 // median cost
	Peer     float64 // median cost
	PeerName string
	Spread
	Goal   float64 // zero: none
	Rounds int
	Skip   string // why there is no figure
}

// A Spread tells of the ratios of paired rounds, peer's cost divided by ours.
type Spread struct {
	Ratio float64 // the median
	Low   float64
	High  float64
}

// Met reports whether the low end of the spread reaches the goal. A skip misses
// its goal; a row without a goal meets it.
func (r Row) Met() bool {
	return r.Goal == 0 || r.Skip == "" && r.Low >= r.Goal
}

func (r *Row) fill(ours, peer []float64) {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ratio(peer[i], ours[i])
	}
	r.Ours, r.Peer, r.Spread, r.Rounds = median(ours), median(peer), SpreadOf(ratios), len(ours)
}

// maxRatio stands for what costs us nothing at all.
const maxRatio = 1e6

func ratio(peer, ours float64) float64 {
	if peer == ours {
		return 1
	}
	return min(peer/ours, maxRatio)
}

// SpreadOf returns the median of ratios and the interval in which the true
// median lies with a confidence of at least 95 %, by the order of the values
// alone. With fewer than nine values that is the lowest and the highest.
func SpreadOf(ratios []float64) Spread {
	sorted := slices.Sorted(slices.Values(ratios))
	cut := 0
	for outside(len(sorted), cut+1) <= 0.05 {
		cut++
	}
	return Spread{Ratio: median(sorted), Low: sorted[cut], High: sorted[len(sorted)-1-cut]}
}

// outside is the chance that the median of a distribution lies beyond the
// values that are left when the cut lowest and the cut highest of n are dropped.
func outside(n, cut int) float64 {
	if 2*cut >= n {
		return 1
	}
	p, term := 0.0, math.Pow(0.5, float64(n)) // term: n over k, halved n times
	for k := 0; k <= cut; k++ {
		p += term
		term *= float64(n-k) / float64(k+1)
	}
	return 2 * p
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// MarshalJSON writes the row as one flat object: the figures, or the skip.
func (r Row) MarshalJSON() ([]byte, error) {
	head := struct {
		Case     string   `json:"case"`
		Unit     string   `json:"unit"`
		PeerName string   `json:"peer_name"`
		Goal     *float64 `json:"goal"`
	}{r.Case, r.Unit, r.PeerName, nil}
	if r.Goal != 0 {
		head.Goal = &r.Goal
	}
	var rest any = struct {
		Skip string `json:"skip"`
	}{r.Skip}
	if r.Skip == "" {
		rest = struct {
			Ours   float64 `json:"ours"`
			Peer   float64 `json:"peer"`
			Ratio  float64 `json:"ratio"`
			Low    float64 `json:"low"`
			High   float64 `json:"high"`
			Met    bool    `json:"met"`
			Rounds int     `json:"rounds"`
		}{round3(r.Ours), round3(r.Peer), round3(r.Ratio), round3(r.Low), round3(r.High), r.Met(), r.Rounds}
	}
	a, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(rest)
	if err != nil {
		return nil, err
	}
	return append(append(a[:len(a)-1], ','), b[1:]...), nil
}

// round3 keeps four digits that count.
func round3(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	unit := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*unit) / unit
}

// Header is the first line of a table of rows.
const Header = "case                               unit        ours       peer       peer name                  ratio   low     high    goal    met"

// String is the row as a line of the table.
func (r Row) String() string {
	goal := "-"
	if r.Goal != 0 {
		goal = "≥ " + short(r.Goal)
	}
	if r.Skip != "" {
		why, _, _ := strings.Cut(r.Skip, "\n")
		return fmt.Sprintf("%-34s %-11s %-10s %-10s %-26s skip: %s", r.Case, r.Unit, "", "", r.PeerName, why)
	}
	met := "yes"
	switch {
	case r.Goal == 0:
		met = "-"
	case !r.Met():
		met = "NO"
	}
	return fmt.Sprintf("%-34s %-11s %-10s %-10s %-26s %-7s %-7s %-7s %-7s %s", r.Case, r.Unit,
		short(r.Ours), short(r.Peer), r.PeerName, short(r.Ratio), short(r.Low), short(r.High), goal, met)
}

// Markdown is the row as a line of a table in a page.
func (r Row) Markdown() string {
	goal, met := "–", "–"
	if r.Goal != 0 {
		goal, met = short(r.Goal), "yes"
		if !r.Met() {
			met = "**no**"
		}
	}
	if r.Skip != "" {
		why, _, _ := strings.Cut(r.Skip, "\n")
		return fmt.Sprintf("| %s | %s | | | %s | skip: %s | | %s | |", r.Case, r.Unit, r.PeerName, why, goal)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s–%s | %s | %s |", r.Case, r.Unit,
		short(r.Ours), short(r.Peer), r.PeerName, short(r.Ratio), short(r.Low), short(r.High), goal, met)
}

// MarkdownHeader are the first two lines of such a table.
const MarkdownHeader = "| case | unit | ours | peer | peer name | ratio | spread | goal | met |\n| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | --- |"

// short tells v by three digits that count.
func short(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v) && a < 1e6, a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.2g", v)
	}
}
