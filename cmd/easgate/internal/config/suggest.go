package config

import "fmt"

// suggest returns a hint that names what was probably meant, or where the names are listed.
func suggest(name string, known []string) string {
	best, bestDistance := "", 1+len(name)/4
	for _, k := range known {
		if d := distance(name, k); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return "`easgate config show` lists every setting"
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// distance is how many letters must be inserted, dropped or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
