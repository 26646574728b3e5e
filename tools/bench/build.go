package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// build builds a command of this folder the way that the Makefile builds easgate.
func build(ctx context.Context, dir, name string) (string, error) {
	program := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program,
		"github.com/easgate/easgate/tools/bench/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, out)
	}
	return program, nil
}

// sameBuild is an error unless both programs were made by one compiler with the same settings: else the comparison
// would be one of compilers.
func sameBuild(a, b string) error {
	ia, err := buildinfo.ReadFile(a)
	if err != nil {
		return err
	}
	ib, err := buildinfo.ReadFile(b)
	if err != nil {
		return err
	}
	if ia.GoVersion != ib.GoVersion {
		return fmt.Errorf("%s was built with %s, %s with %s: build it again (make build)", a, ia.GoVersion, b, ib.GoVersion)
	}
	for _, key := range []string{"CGO_ENABLED", "-trimpath", "-race", "-gcflags", "-pgo", "GOARCH", "GOAMD64", "GOARM64",
		"GOEXPERIMENT"} {
		if va, vb := setting(ia, key), setting(ib, key); va != vb {
			return fmt.Errorf("%s was built with %s=%q, %s with %q: build it with make build", a, key, va, b, vb)
		}
	}
	return nil
}

func setting(i *buildinfo.BuildInfo, key string) string {
	for _, s := range i.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
