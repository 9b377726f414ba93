package serve

import (
	"net/http"

	"github.com/olahol/melody"
)

// olahol/melody with queues that are long enough that it drops nothing; they hold 256 messages unless
// set. It has no groups. A broadcast goes through its filter, as in its documentation.
func startMelody() (string, error) {
	m := melody.New()
	m.Config.MaxMessageSize = maxMessage
	m.Config.MessageBufferSize = queueLen
	jobOf := func(s *melody.Session) job {
		v, _ := s.Get("job")
		j, _ := v.(job)
		return j
	}
	m.HandleConnect(func(s *melody.Session) { s.WriteBinary(ready) })
	m.HandleMessageBinary(func(s *melody.Session, message []byte) {
		if jobOf(s).echo {
			s.WriteBinary(message)
			return
		}
		group := string(message[:min(groupLen, len(message))])
		m.BroadcastBinaryFilter(message, func(to *melody.Session) bool { return jobOf(to).group == group })
	})
	return serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.HandleRequestWithKeys(w, r, map[string]any{"job": parseJob(r.URL.Path)})
	}))
}
