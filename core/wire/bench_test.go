package wire

import "testing"

var payload64 = make([]byte, 64)

func BenchmarkNext64(b *testing.B) {
	frame := AppendCommand(nil, "say", payload64)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok, err := Next(frame, DefaultMaxFrame); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkAppendCommand64(b *testing.B) {
	dst := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendCommand(dst[:0], "say", payload64)
	}
}

func BenchmarkParseCommand64(b *testing.B) {
	frame := AppendCommand(nil, "say", payload64)
	b.ReportAllocs()
	for b.Loop() {
		f, _, _, _ := Next(frame, DefaultMaxFrame)
		if _, _, err := ParseCommand(f.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRequest64(b *testing.B) {
	dst := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendRequest(dst[:0], 300, "sum", payload64)
	}
}

func BenchmarkParseRequest64(b *testing.B) {
	frame := AppendRequest(nil, 300, "sum", payload64)
	b.ReportAllocs()
	for b.Loop() {
		f, _, _, _ := Next(frame, DefaultMaxFrame)
		if _, _, _, err := ParseRequest(f.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendReply64(b *testing.B) {
	dst := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendReply(dst[:0], 300, payload64)
	}
}

func BenchmarkParseReply64(b *testing.B) {
	frame := AppendReply(nil, 300, payload64)
	b.ReportAllocs()
	for b.Loop() {
		f, _, _, _ := Next(frame, DefaultMaxFrame)
		if _, _, err := ParseReply(f.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHello(b *testing.B) {
	frame := AppendHello(nil, &Hello{Name: "ada", Groups: []string{"chat", "dev"}, Notices: true})
	b.ReportAllocs()
	for b.Loop() {
		f, _, _, _ := Next(frame, DefaultMaxHello)
		if _, err := ParseHello(f.Body, nil); err != nil {
			b.Fatal(err)
		}
	}
}
