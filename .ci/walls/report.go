package main

import (
	"fmt"
	"io"
	"log"
	"sort"
	"strings"
	"text/tabwriter"
)

// A report prints the counts.
type report struct {
	out     io.Writer
	verbose bool
}

func (r report) print(dir string, list []*pkg) {
	r.packages(list)
	for _, p := range list {
		if p.name == "core" {
			r.core(p)
		}
	}
	r.oneSided(list)
	s, err := scan(dir)
	if err != nil {
		log.Fatal(err)
	}
	checks := 0
	for _, n := range s.checks {
		checks += n
	}
	fmt.Fprintf(r.out, "\nchecks for a dialect in core, outside of the files about them: %d lines in %d files\n", checks, len(s.checks))
	r.names(counts(s.checks))
	fmt.Fprintf(r.out, "questions there what a peer can do: %s\n", strings.Join(counts(s.abilities), ", "))
	fmt.Fprintf(r.out, "files for browsers or for all else, at and below core: %d\n", len(s.split))
	r.names(s.split)
	fmt.Fprintf(r.out, "folders of tests at and below core: %d\n", len(s.test))
	r.names(s.test)
	fmt.Fprintf(r.out, "files of more than 400 lines, everywhere: %d\n", len(s.long))
	r.names(s.long)
}

func (r report) packages(list []*pkg) {
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "package\tfiles\tlines\tlongest\trefs\tknot\treach\tlocks\tlock lines\tone-sided\t")
	for _, p := range list {
		all, longest := p.lines()
		refs, pairs := p.refs(), 0
		for _, to := range refs {
			pairs += len(to)
		}
		locks, oneSided := p.locks()
		sites := 0
		for _, l := range locks {
			sites += l.sites
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%.2f\t%d\t%d\t%d\t\n", p.name, len(p.files), all, longest,
			pairs, len(knot(refs)), reach(p.fields()), len(locks), sites, len(oneSided))
	}
	w.Flush()
}

// core prints the counts of package core alone.
func (r report) core(p *pkg) {
	fmt.Fprintln(r.out)
	for _, name := range []string{"Conn", "Server", "Client"} {
		if fields, methods, files, ok := p.size(name); ok {
			m, a := atomics(p.types.Scope().Lookup(name).Type())
			fmt.Fprintf(r.out, "%s: %d fields, %d methods in %d files; %d mutexes and %d atomic values held by value\n",
				name, fields, methods, files, m, a)
		}
	}
	fields := p.fields()
	sort.SliceStable(fields, func(i, j int) bool { return len(fields[i].files) > len(fields[j].files) })
	fmt.Fprint(r.out, "fields that are touched in most files:")
	for _, f := range fields[:min(10, len(fields))] {
		fmt.Fprintf(r.out, " %s.%s %d", f.of, f.name, len(f.files))
	}
	fmt.Fprintln(r.out)
	byStruct := map[string][]*field{}
	for _, f := range fields {
		byStruct[f.of] = append(byStruct[f.of], f)
	}
	var names []string
	for name, of := range byStruct {
		if len(of) >= 5 {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool { return reach(byStruct[names[i]]) > reach(byStruct[names[j]]) })
	fmt.Fprint(r.out, "structs of 5 fields and more that reach furthest:")
	for _, name := range names[:min(10, len(names))] {
		fmt.Fprintf(r.out, " %s %.1f", name, reach(byStruct[name]))
	}
	fmt.Fprintln(r.out)
	locks, _ := p.locks()
	for _, name := range sorted(locks) {
		if l := locks[name]; len(l.files) > 2 {
			fmt.Fprintf(r.out, "%s is locked in %d lines of %d files\n", name, l.sites, len(l.files))
		}
	}
	if r.verbose {
		fmt.Fprintln(r.out, "the knot:", strings.Join(knot(p.refs()), " "))
	}
}

func (r report) oneSided(list []*pkg) {
	for _, p := range list {
		_, names := p.locks()
		for i := range names {
			names[i] = p.name + ": " + names[i]
		}
		r.names(names)
	}
}

// names prints the names of the things that were counted, if -v is given.
func (r report) names(list []string) {
	if !r.verbose {
		return
	}
	for _, name := range list {
		fmt.Fprintln(r.out, "  ", name)
	}
}

func counts(m map[string]int) (list []string) {
	for _, name := range sorted(m) {
		list = append(list, fmt.Sprintf("%4d %s", m[name], name))
	}
	return list
}

func sorted[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
