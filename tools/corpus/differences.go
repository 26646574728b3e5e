package corpus

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// A Difference is a reason why easgate answers some cases differently.
type Difference struct {
	// Reason stands word for word in docs/migrating-from-eas.md.
	Reason string
	// Level is what all these cases reach.
	Level Level
	// Cases are ids.
	Cases []string
}

// LoadDifferences reads differences.yaml strictly.
func LoadDifferences(path string) ([]Difference, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var ds []Difference
	if err := yaml.UnmarshalWithOptions(text, &ds, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ds, nil
}

// Check returns what is wrong with the list of differences, given all results: an answer that differs without being
// listed, a case that is listed and does not differ, or not like that.
func Check(results []Result, ds []Difference) []string {
	listed := map[string]*Difference{}
	var wrong []string
	for i := range ds {
		for _, id := range ds[i].Cases {
			if listed[id] != nil {
				wrong = append(wrong, id+": listed twice")
			}
			listed[id] = &ds[i]
		}
	}
	for _, r := range results {
		d := listed[r.Case.ID]
		delete(listed, r.Case.ID)
		switch {
		case d == nil && r.Level != Exact:
			wrong = append(wrong, fmt.Sprintf("%s: %s: %s (%s)", r.Case.ID, r.Level, r.Why, r.Case.Note))
		case d != nil && r.Level == Exact:
			wrong = append(wrong, r.Case.ID+": listed, but the answer is exact: take it off the list")
		case d != nil && d.Level != r.Level:
			wrong = append(wrong, fmt.Sprintf("%s: listed as %s, is %s: %s", r.Case.ID, d.Level, r.Level, r.Why))
		}
	}
	for id := range listed {
		wrong = append(wrong, id+": listed, but there is no such case")
	}
	slices.Sort(wrong)
	return wrong
}

// Summary is a table of how many cases of each group reach which level.
func Summary(results []Result) string {
	counts := map[string]map[Level]int{}
	var groups []string
	for _, r := range results {
		for _, g := range []string{group(r.Case), "total"} {
			if counts[g] == nil {
				counts[g] = map[Level]int{}
				groups = append(groups, g)
			}
			counts[g][r.Level]++
		}
	}
	slices.SortFunc(groups, func(a, b string) int {
		if (a == "total") != (b == "total") {
			if a == "total" {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %6s %6s %9s %7s %7s\n", "group", "cases", "exact", "decision", "denies", "allows")
	for _, g := range groups {
		c := counts[g]
		n := c[Exact] + c[Decision] + c[Denies] + c[Allows]
		fmt.Fprintf(&b, "%-16s %6d %6d %9d %7d %7d\n", g, n, c[Exact], c[Decision], c[Denies], c[Allows])
	}
	return b.String()
}

func group(c *Case) string {
	if c.Hang {
		return "hang"
	}
	return c.Group
}
