package classic

import "testing"

var content64 = make([]byte, 64)

func BenchmarkNext64(b *testing.B) {
	frame := AppendCommand(nil, 0, "say", content64)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok, err := Next(frame, 0, 0); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkAppendCommand64(b *testing.B) {
	dst := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendCommand(dst[:0], 0, "say", content64)
	}
}

func BenchmarkSplitCommand64(b *testing.B) {
	payload := append([]byte("say "), content64...)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := SplitCommand(payload); !ok {
			b.Fatal("no command")
		}
	}
}

func BenchmarkSplitRaw64(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := SplitCommand(content64); ok {
			b.Fatal("a command")
		}
	}
}

func BenchmarkParseHello(b *testing.B) {
	payload := []byte(`$CLTHELLO$ {"name": "alice", "group": "red"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseHello(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendConnected(b *testing.B) {
	dst := make([]byte, 0, 128)
	p := Presence{"127.0.0.1", 45362, LabelOf("bob"), LabelOf("red")}
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendConnected(dst[:0], 0, p)
	}
}
