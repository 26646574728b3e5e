// Command grpcload is what wrk is for HTTP: it asks a gRPC server the same thing over and over, and prints how often
// and how fast it answered, as JSON. Anything but the answer it was told to expect ends it.
//
//	grpcload [-connections 4] [-streams 8] [-duration 5s] ADDRESS METHOD REQUEST-FILE ANSWER-FILE
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

func main() {
	connections := flag.Int("connections", 4, "how many `connections`")
	streams := flag.Int("streams", 8, "how many `requests` at once on each")
	duration := flag.Duration("duration", 5*time.Second, "for how `long`")
	flag.Parse()
	if err := run(*connections, *streams, *duration, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// A result is what is printed. P99 is nanoseconds.
type result struct {
	Requests  int
	PerSecond float64
	P99       time.Duration
}

func run(connections, streams int, duration time.Duration, args []string) error {
	if len(args) != 4 {
		return errors.New("want ADDRESS METHOD REQUEST-FILE ANSWER-FILE")
	}
	request, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	answer, err := os.ReadFile(args[3])
	if err != nil {
		return err
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		all  []time.Duration
		errs []error
	)
	start := time.Now()
	for range connections {
		wg.Go(func() {
			took, err := load(args[0], args[1], message(request), message(answer), streams, start.Add(duration))
			mu.Lock()
			defer mu.Unlock()
			all, errs = append(all, took...), append(errs, err)
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("no answers")
	}
	slices.Sort(all)
	return json.NewEncoder(os.Stdout).Encode(result{len(all), float64(len(all)) / elapsed.Seconds(), all[len(all)*99/100]})
}
