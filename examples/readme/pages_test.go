package readme

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	namedFile = regexp.MustCompile("`([\\w.-]+(?:/[\\w.-]+)+\\.(?:go|mjs|js|json|conf|cfg|md))`")
	namedTest = regexp.MustCompile("`((?:Test|Fuzz|Benchmark|Example)[A-Z]\\w*)`")
	ranTest   = regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)`)
	link      = regexp.MustCompile(`\]\(([\w./-]+\.\w+)?(?:#([\w-]+))?\)`) // a file of this repository, a heading, or both
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInLink = regexp.MustCompile(`[^\pL\pN_ -]`) // what a link to a heading leaves out
	ownTest   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
)

// The files and tests that pages and the Makefile name exist. A name in the Makefile may be the
// beginning of several names.
func TestPagesNameWhatThereIs(t *testing.T) {
	root := os.DirFS("../..")
	var tests, pages []string
	require.NoError(t, fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "node_modules" || name != "." && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case path.Ext(name) == ".md" || name == "Makefile":
			pages = append(pages, name)
		case strings.HasSuffix(name, "_test.go"):
			src, err := fs.ReadFile(root, name)
			for _, m := range ownTest.FindAllStringSubmatch(string(src), -1) {
				tests = append(tests, m[1])
			}
			return err
		}
		return nil
	}))
	all := "\n" + strings.Join(tests, "\n") + "\n"
	for _, page := range pages {
		text, err := fs.ReadFile(root, page)
		require.NoError(t, err)
		for _, m := range namedFile.FindAllStringSubmatch(string(text), -1) {
			folder, _, _ := strings.Cut(m[1], "/")
			if _, err := fs.Stat(root, folder); err != nil {
				continue // the file of a reader
			}
			if _, err := fs.Stat(root, m[1]); err != nil {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
		named, end := namedTest, "\n"
		if page == "Makefile" {
			named, end = ranTest, ""
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(all, "\n"+m[1]+end) {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}

// The links of pages lead to files, and to headings, of this repository.
func TestLinksLeadSomewhere(t *testing.T) {
	root := os.DirFS("../..")
	links := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "web/*.md", "examples/*/*.md"} {
		pages, err := fs.Glob(root, pattern)
		require.NoError(t, err)
		for _, page := range pages {
			text, err := fs.ReadFile(root, page)
			require.NoError(t, err)
			for _, m := range link.FindAllStringSubmatch(string(text), -1) {
				target := page
				if m[1] != "" {
					target = path.Join(path.Dir(page), m[1])
				}
				there, err := fs.ReadFile(root, target)
				if err != nil {
					t.Errorf("%s has a link to %s, which is not there", page, m[1])
				}
				if m[2] != "" && !headings(string(there))[m[2]] {
					t.Errorf("%s has a link to %s, which has no heading #%s", page, target, m[2])
				}
				links++
			}
		}
	}
	require.Greater(t, links, 50)
}

// headings returns the headings of a page, in the form that links have.
func headings(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(notInLink.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}
