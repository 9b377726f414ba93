// Command walls measures how well the packages at and below core are separated from each other.
//
//	go run ./.ci/walls [-v] [folder of a checkout]
//
// It reads the sources that the compiler reads for the machine on which it runs. For each package it counts:
//
//	files      source files, without tests
//	lines      lines of the files, with comments and empty lines
//	longest    lines of the longest file
//	refs       pairs of files in which one file names something that the other declares
//	knot       files in the largest set in which each file needs each other file, directly or not
//	reach      files that use a field of a struct, the mean over all fields
//	locks      mutexes that are fields or variables, and lines that lock one
//	one-sided  functions that only lock or only unlock a mutex
//
// For all packages together it counts the fields and methods of Conn, Server and Client, the fields that most files
// use, the checks for a dialect of the original, the checks what a peer can do, the files for browsers or for all other
// systems only, the folders of tests, and the files of more than 400 lines. -v names the
// functions, pairs and files that are counted.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

func main() {
	log.SetFlags(0)
	verbose := flag.Bool("v", false, "name what is counted")
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	list, err := packages(dir)
	if err != nil {
		log.Fatal(err)
	}
	report{os.Stdout, *verbose}.print(dir, list)
}

// A listed is a package as the Go command lists it.
type listed struct {
	ImportPath string
	Dir        string
	Export     string
	Standard   bool
	GoFiles    []string
	DepOnly    bool
}

// A pkg is a package that has been read, with its counts.
type pkg struct {
	name  string // its path below the module
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
	types *types.Package
}

// packages reads the packages at and below core.
func packages(dir string) ([]*pkg, error) {
	cmd := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,Standard,GoFiles,DepOnly", "./core/...")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	exports := map[string]string{}
	var wanted []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		if !p.DepOnly && len(p.GoFiles) > 0 {
			wanted = append(wanted, p)
		}
	}
	var list []*pkg
	for _, p := range wanted {
		read, err := load(p, exports)
		if err != nil {
			return nil, err
		}
		list = append(list, read)
	}
	return list, nil
}

func load(p listed, exports map[string]string) (*pkg, error) {
	_, name, _ := strings.Cut(p.ImportPath, "hisock/hisock/")
	out := &pkg{name: name, fset: token.NewFileSet(), info: &types.Info{
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Types:      map[ast.Expr]types.TypeAndValue{},
	}}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(out.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		out.files = append(out.files, f)
	}
	conf := types.Config{Importer: importer.ForCompiler(out.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})}
	var err error
	out.types, err = conf.Check(p.ImportPath, out.fset, out.files, out.info)
	return out, err
}

// file returns the name of the file that holds a position.
func (p *pkg) file(pos token.Pos) string { return filepath.Base(p.fset.Position(pos).Filename) }

// lines returns how many lines all sources have, and how many the longest source has.
func (p *pkg) lines() (all, longest int) {
	for _, f := range p.files {
		n := p.fset.File(f.FileStart).LineCount()
		all, longest = all+n, max(longest, n)
	}
	return all, longest
}

// refs returns for each file the other files that declare something that it names.
func (p *pkg) refs() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, f := range p.files {
		out[p.file(f.FileStart)] = map[string]bool{}
	}
	for id, obj := range p.info.Uses {
		if obj.Pkg() != p.types || !p.shared(obj) {
			continue
		}
		if v, ok := obj.(*types.Var); ok {
			obj = v.Origin()
		}
		from, to := p.file(id.Pos()), p.file(obj.Pos())
		if from != to {
			out[from][to] = true
		}
	}
	return out
}

// shared reports whether several files may use the object: it is a field or a method, or is declared outside
// functions.
func (p *pkg) shared(obj types.Object) bool {
	switch o := obj.(type) {
	case *types.Var:
		if o.IsField() {
			return true
		}
	case *types.Func:
		return true
	}
	return obj.Parent() == p.types.Scope()
}

// knot returns the largest strongly connected component.
func knot(refs map[string]map[string]bool) []string {
	var (
		index   = map[string]int{}
		low     = map[string]int{}
		onStack = map[string]bool{}
		stack   []string
		largest []string
		visit   func(string)
	)
	visit = func(v string) {
		index[v], low[v] = len(index)+1, len(index)+1
		stack, onStack[v] = append(stack, v), true
		for w := range refs[v] {
			if index[w] == 0 {
				visit(w)
				low[v] = min(low[v], low[w])
			} else if onStack[w] {
				low[v] = min(low[v], index[w])
			}
		}
		if low[v] != index[v] {
			return
		}
		for i := len(stack) - 1; ; i-- {
			onStack[stack[i]] = false
			if stack[i] != v {
				continue
			}
			if part := stack[i:]; len(part) > len(largest) {
				largest = append([]string(nil), part...)
			}
			stack = stack[:i]
			return
		}
	}
	for v := range refs {
		if index[v] == 0 {
			visit(v)
		}
	}
	sort.Strings(largest)
	return largest
}

// A field is a field of a struct with the files that use it.
type field struct {
	of, name string
	files    map[string]bool
}

// fields returns the fields of all named structs of the package.
func (p *pkg) fields() []*field {
	byVar := map[*types.Var]*field{}
	var all []*field
	for _, name := range p.types.Scope().Names() {
		t, ok := p.types.Scope().Lookup(name).(*types.TypeName)
		if !ok || t.IsAlias() {
			continue
		}
		s, ok := t.Type().Underlying().(*types.Struct)
		if !ok {
			continue
		}
		for v := range s.Fields() {
			if byVar[v] != nil || v.Pkg() != p.types {
				continue
			}
			f := &field{of: name, name: v.Name(), files: map[string]bool{}}
			byVar[v] = f
			all = append(all, f)
		}
	}
	for id, obj := range p.info.Uses {
		v, ok := obj.(*types.Var)
		if !ok || !v.IsField() {
			continue
		}
		if f := byVar[v.Origin()]; f != nil {
			f.files[p.file(id.Pos())] = true
		}
	}
	return all
}

// reach returns the mean number of files that use a field, over all fields that are used.
func reach(fields []*field) float64 {
	files, n := 0, 0
	for _, f := range fields {
		if len(f.files) > 0 {
			files, n = files+len(f.files), n+1
		}
	}
	if n == 0 {
		return 0
	}
	return float64(files) / float64(n)
}

// A lock is a mutex with the places that lock it.
type lock struct {
	sites int
	files map[string]bool
}

// locks returns the mutexes by name, and the functions which only lock or only unlock one.
func (p *pkg) locks() (map[string]*lock, []string) {
	all := map[string]*lock{}
	var oneSided []string
	for _, f := range p.files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			locked, unlocked := map[string]bool{}, map[string]bool{}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				name := p.mutex(sel)
				if name == "" {
					return true
				}
				switch sel.Sel.Name {
				case "Lock", "RLock", "TryLock":
					locked[name] = true
					if all[name] == nil {
						all[name] = &lock{files: map[string]bool{}}
					}
					all[name].sites++
					all[name].files[p.file(sel.Pos())] = true
				case "Unlock", "RUnlock":
					unlocked[name] = true
				}
				return true
			})
			for name := range locked {
				if !unlocked[name] {
					oneSided = append(oneSided, fn.Name.Name+" locks "+name)
				}
			}
			for name := range unlocked {
				if !locked[name] {
					oneSided = append(oneSided, fn.Name.Name+" unlocks "+name)
				}
			}
		}
	}
	sort.Strings(oneSided)
	return all, oneSided
}

// mutex returns the name of the mutex whose method sel is, as Type.field, or "".
func (p *pkg) mutex(sel *ast.SelectorExpr) string {
	s := p.info.Selections[sel]
	if s == nil {
		return ""
	}
	if fn, ok := s.Obj().(*types.Func); !ok || fn.Pkg() == nil || fn.Pkg().Path() != "sync" {
		return ""
	}
	switch x := sel.X.(type) {
	case *ast.SelectorExpr:
		if inner := p.info.Selections[x]; inner != nil && isMutex(inner.Type()) {
			return typeName(inner.Recv()) + "." + x.Sel.Name
		}
	case *ast.Ident:
		if isMutex(p.info.TypeOf(x)) {
			return x.Name
		}
		return typeName(p.info.TypeOf(x)) + " (embedded)"
	}
	return ""
}

// placed matches a mutex with a place in the order of locking.
var placed = regexp.MustCompile(`/internal/lock\.(RW)?Mutex\[`)

func isMutex(t types.Type) bool {
	name := strings.TrimPrefix(types.TypeString(t, nil), "*")
	return name == "sync.Mutex" || name == "sync.RWMutex" || placed.MatchString(name)
}

func typeName(t types.Type) string {
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return t.String()
}

// size returns how many fields and methods a type has, and in how many files the methods are.
func (p *pkg) size(name string) (fields, methods, files int, ok bool) {
	t, ok := p.types.Scope().Lookup(name).(*types.TypeName)
	if !ok {
		return 0, 0, 0, false
	}
	n := t.Type().(*types.Named)
	in := map[string]bool{}
	for m := range n.Methods() {
		in[p.file(m.Pos())] = true
	}
	return n.Underlying().(*types.Struct).NumFields(), n.NumMethods(), len(in), true
}

// atomics returns how many mutexes and atomic values a variable of the type holds, including values inside of
// other values.
func atomics(t types.Type) (mutexes, values int) {
	if isMutex(t) {
		return 1, 0
	}
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "sync/atomic" {
		return 0, 1
	}
	if s, ok := t.Underlying().(*types.Struct); ok {
		for f := range s.Fields() {
			m, v := atomics(f.Type())
			mutexes, values = mutexes+m, values+v
		}
	}
	return mutexes, values
}

// dialectCheck matches a check whether a peer speaks a dialect of the original, or whether this build has dialects.
var dialectCheck = regexp.MustCompile(`\bhasClassic\b|\.classic\b|\bhasLegacy\b|\.legacy\b`)

// abilityCheck matches a check what a peer can do.
var abilityCheck = regexp.MustCompile(`\.takes(Native|Calls|Changes|Control|Replays)\(\)`)

// theirs matches the files of the dialects, and the files that say what a build lacks.
var theirs = regexp.MustCompile(`^(classic|legacy|build_)`)

// A source has the counts that need no types, of all sources at and below core.
type source struct {
	checks     map[string]int // lines that check for a dialect, by file of core
	abilities  map[string]int // lines that check what a peer can do, by ability
	split      []string       // files for browsers only, or for all other systems only
	long, test []string       // files of more than 400 lines; folders of tests, each with its number of files
}

func scan(dir string) (s source, err error) {
	s.checks, s.abilities = map[string]int{}, map[string]int{}
	tests := map[string]int{}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name := e.Name(); rel != "." && strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(rel) {
		case ".go", ".js", ".mjs":
		default:
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := bytes.Count(text, []byte("\n")); n > 400 {
			s.long = append(s.long, fmt.Sprintf("%4d %s", n, rel))
		}
		below := strings.HasPrefix(rel, "core"+string(filepath.Separator))
		if !below || filepath.Ext(rel) != ".go" {
			return nil
		}
		if strings.HasSuffix(rel, "_test.go") {
			tests[filepath.Dir(rel)]++
			return nil
		}
		if isSplit(rel, text) {
			s.split = append(s.split, rel)
		}
		if filepath.Dir(rel) != "core" || theirs.MatchString(filepath.Base(rel)) {
			return nil
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			code, _, _ := strings.Cut(lines.Text(), "//")
			if dialectCheck.MatchString(code) {
				s.checks[filepath.Base(rel)]++
			}
			if ask := abilityCheck.FindStringSubmatch(code); ask != nil {
				s.abilities[ask[1]]++
			}
		}
		return lines.Err()
	})
	for folder, n := range tests {
		s.test = append(s.test, fmt.Sprintf("%4d %s", n, folder))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(s.test)))
	sort.Sort(sort.Reverse(sort.StringSlice(s.long)))
	return s, err
}

// jsLine matches a build constraint that depends on whether the system is a browser.
var jsLine = regexp.MustCompile(`(?m)^//go:build .*\bjs\b`)

func isSplit(name string, text []byte) bool {
	head, _, _ := bytes.Cut(text, []byte("\npackage "))
	return strings.HasSuffix(name, "_js.go") || jsLine.Match(head)
}
