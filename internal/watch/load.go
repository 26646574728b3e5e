package watch

import (
	"fmt"
	"os"
	"sync"
)

// A Loader reads files for somebody who keeps what they say, and replaces it when they change. The zero value is ready
// to use, and safe for concurrent use.
type Loader struct{ loading sync.Mutex }

// Load reads the files at paths and has store keep what [Read] returned. It does so for one caller at a time, from
// reading to storing: what an older, slower reading found never replaces what a later one found.
func (l *Loader) Load(store func(contents [][]byte, err error) error, paths ...string) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	return store(Read(paths...))
}

// attempts bounds how often Read begins anew. A writer that is faster than that is told of once it rests.
const attempts = 5

// Read returns the contents of the files at paths, all as they were at one time: when one of them changes meanwhile, it
// reads them again. What is no regular file, such as a pipe, is read once.
func Read(paths ...string) ([][]byte, error) {
	for range attempts {
		before := lookAll(paths)
		contents := make([][]byte, len(paths))
		for i, path := range paths {
			var err error
			if contents[i], err = os.ReadFile(path); err != nil {
				return nil, err
			}
		}
		if unchanged(before, lookAll(paths)) {
			return contents, nil
		}
	}
	return nil, fmt.Errorf("%s: changes all the time", paths[0])
}

func lookAll(paths []string) []state {
	states := make([]state, len(paths))
	for i, path := range paths {
		states[i] = look(path)
	}
	return states
}

func unchanged(before, after []state) bool {
	for i, s := range before {
		stream := s.info != nil && !s.info.Mode().IsRegular() // reading changes its times, and leaves nothing to read again
		if !s.same(after[i]) && !(stream && s.target == after[i].target) {
			return false
		}
	}
	return true
}
