package fog_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"testing"
	"time"

	"sonm/engine/fog"
)

// Every type that is a fact can be told as JSON and read back.
func TestEveryFactIsReadBack(t *testing.T) {
	src, err := os.ReadFile("fact.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`func \((\w+)\) fact\(\)`).FindAllStringSubmatch(string(src), -1)
	if len(names) < 20 {
		t.Fatalf("%d facts found in fact.go", len(names))
	}
	for _, n := range names {
		f, err := fog.DecodeFact(n[1], []byte("{}"))
		if err != nil || fog.KindOf(f) != n[1] {
			t.Errorf("fact %s is read back as %T: %v", n[1], f, err)
		}
	}
	one := fog.TaskLeased{Job: fog.JobID{7}, Index: 3, Attempt: 2, Peer: "12D3", Until: time.Date(2026, 5, 4, 9, 0, 0, 5, time.UTC)}
	data, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fog.DecodeFact("TaskLeased", data); err != nil || !reflect.DeepEqual(got, one) {
		t.Errorf("read back %+v, want %+v: %v", got, one, err)
	}
}

func TestWhatIsNoFactIsRefused(t *testing.T) {
	for kind, data := range map[string]string{"Rumour": "{}", "": "{}", "TaskDone": `{"Index":-1}`, "Paid": `[`, "Locked": `{"Max":"a lot"}`} {
		if f, err := fog.DecodeFact(kind, []byte(data)); err == nil {
			t.Errorf("%s %s is %+v", kind, data, f)
		}
	}
}
