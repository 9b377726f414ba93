package report

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Fill puts blocks into a document, between lines "<!-- begin NAME -->" and "<!-- end NAME -->". All blocks must have their lines.
func Fill(document []byte, blocks map[string]string) ([]byte, error) {
	for _, name := range slices.Sorted(maps.Keys(blocks)) {
		begin, end := fmt.Appendf(nil, "<!-- begin %s -->\n", name), fmt.Appendf(nil, "<!-- end %s -->\n", name)
		before, rest, ok := bytes.Cut(document, begin)
		_, after, ok2 := bytes.Cut(rest, end)
		if !ok || !ok2 {
			return nil, fmt.Errorf("the document has no lines for the block %q", name)
		}
		text := []byte("\n" + strings.TrimSpace(blocks[name]) + "\n\n")
		document = slices.Concat(before, begin, text, end, after)
	}
	return document, nil
}

// Write writes a page: the blocks into docs/scaling.md and the plots into docs/scaling, both below folder.
func (p *Page) Write(folder string) error {
	path := filepath.Join(folder, "scaling.md")
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if document, err = Fill(document, p.Blocks); err != nil {
		return err
	}
	if err := os.WriteFile(path, document, 0o644); err != nil {
		return err
	}
	plots := filepath.Join(folder, "scaling")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	for name, plot := range p.Plots {
		if err := os.WriteFile(filepath.Join(plots, name), plot, 0o644); err != nil {
			return err
		}
	}
	return nil
}
