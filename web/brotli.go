package web

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// brotliSuffix ends the name of a copy that is compressed with Brotli.
const brotliSuffix = ".br"

// brotliScript is a program for Node that compresses each file of its arguments, because Go's standard library cannot.
const brotliScript = `const { readFileSync, writeFileSync } = require("node:fs");
const { brotliCompressSync, constants } = require("node:zlib");
for (const name of process.argv.slice(1)) {
  const content = readFileSync(name);
  const params = { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(name + ".br", brotliCompressSync(content, { params }));
}`

// addBrotli puts a compressed copy beside each of the named files in dir, and into the manifest.
func addBrotli(ctx context.Context, dir string, names []string, m *Manifest) error {
	node, err := exec.LookPath("node")
	if err != nil {
		return errors.New("no node command found, which compresses with Brotli: install Node, or leave Brotli out")
	}
	args := []string{"-e", brotliScript}
	for _, name := range names {
		args = append(args, filepath.Join(dir, filepath.FromSlash(name)))
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, node, args...)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return &BuildError{Step: "compress with Brotli", Output: stderr.String(), Err: errors.Join(context.Cause(ctx), err)}
	}
	for _, name := range names {
		packed, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)+brotliSuffix))
		if err != nil {
			return err
		}
		m.Files[name+brotliSuffix] = describe(packed)
	}
	return nil
}
