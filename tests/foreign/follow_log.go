// Follow a log as somebody else's monitor does: Go's sumdb packages, and nothing of return-ledger.
//
//	follow_log URL KEY STATE [TLOG-PROOF...]
//
// Fetches the checkpoint, verifies its signature with KEY, recomputes its root from the hash tiles, checks that it
// extends the checkpoint in the file STATE (by tiles, and by the proof that the log serves), checks each tlog-proof, and
// keeps the checkpoint in STATE. Exit code 0 and one line when all of it holds, 1 and the reason when not.
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // of a tile, as c2sp.org/tlog-tiles has it

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: follow_log URL KEY STATE [TLOG-PROOF...]")
		os.Exit(2)
	}
	told, err := follow(os.Args[1], os.Args[2], os.Args[3], os.Args[4:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(told)
}

func follow(url, key, state string, proofs []string) (string, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", err
	}
	signed, err := get(url, "/checkpoint", "text/plain; charset=utf-8")
	if err != nil {
		return "", err
	}
	tree, err := open(signed, verifier)
	if err != nil {
		return "", err
	}
	reader := tlog.TileHashReader(tree, &tiles{url})
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return "", fmt.Errorf("tiles: %w", err)
	}
	if root != tree.Hash {
		return "", errors.New("the tiles have another root than the checkpoint")
	}
	older, err := extends(url, state, verifier, tree, reader)
	if err != nil {
		return "", err
	}
	for _, path := range proofs {
		if err := check(path, verifier); err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := os.WriteFile(state, signed, 0o600); err != nil {
		return "", err
	}
	return fmt.Sprintf("size %d, extends %d, proofs %d", tree.N, older, len(proofs)), nil
}

// open returns the tree head of a signed checkpoint.
func open(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("checkpoint: not of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// extends checks that a tree is an extension of the one in the state file, and returns the size of that.
func extends(url, state string, verifier note.Verifier, tree tlog.Tree, reader tlog.HashReader) (int64, error) {
	kept, err := os.ReadFile(state)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	old, err := open(kept, verifier)
	if err != nil {
		return 0, err
	}
	own, err := tlog.ProveTree(tree.N, old.N, reader)
	if err != nil {
		return 0, err
	}
	if err := tlog.CheckTree(own, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return 0, fmt.Errorf("the log is no extension of the one seen before: %w", err)
	}
	served, err := get(url, fmt.Sprintf("/v1/proofs/consistency?from=%d&to=%d", old.N, tree.N), "application/json")
	if err != nil {
		return 0, err
	}
	var answer struct{ Hashes []string }
	if err := json.Unmarshal(served, &answer); err != nil {
		return 0, err
	}
	var proof tlog.TreeProof
	for _, text := range answer.Hashes {
		var hash tlog.Hash
		if n, err := hex.Decode(hash[:], []byte(text)); err != nil || n != tlog.HashSize {
			return 0, errors.New("the served proof is malformed")
		}
		proof = append(proof, hash)
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return 0, fmt.Errorf("the served consistency proof: %w", err)
	}
	return old.N, nil
}

// check verifies a c2sp.org/tlog-proof@v1 whose extra data are the record.
func check(path string, verifier note.Verifier) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	parts := strings.SplitN(string(data), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	record, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, err := open([]byte(parts[1]), verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record))
}

// tiles reads hash tiles over HTTP.
type tiles struct{ url string }

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		// Go's path names the height too, which c2sp.org/tlog-tiles leaves out.
		path := "/tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
		data, err := get(t.url, path, "application/octet-stream")
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", path, len(data))
		}
		found = append(found, data)
	}
	return found, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func get(url, path, mediaType string) ([]byte, error) {
	answer, err := http.Get(url + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != mediaType {
		return nil, fmt.Errorf("%s: %s, %s", path, answer.Status, answer.Header.Get("Content-Type"))
	}
	return io.ReadAll(answer.Body)
}
