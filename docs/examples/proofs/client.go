// Calls a service with the Workload Identity Token of a volume and a Workload Proof Token made here. Standard library only.
//
//	VOUCHSAFE_DIR=/var/run/identity go run client.go https://pay.example/charge
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

var b64 = base64.RawURLEncoding

// proof gives the two header fields. Files are read for each request: the volume renews them.
func proof(dir, url string) (wit, wpt string, err error) {
	token, err := os.ReadFile(dir + "/wit.jwt")
	if err != nil {
		return "", "", err
	}
	wit = string(bytes.TrimSpace(token))
	text, err := os.ReadFile(dir + "/wit.key.pem")
	if err != nil {
		return "", "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", "", errors.New("no PEM in wit.key.pem")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", "", err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return "", "", errors.New("the key is no EC key")
	}

	id := make([]byte, 16)
	if _, err = rand.Read(id); err != nil {
		return "", "", err
	}
	hash := sha256.Sum256([]byte(wit))
	claims, err := json.Marshal(map[string]any{
		"aud": strings.SplitN(strings.SplitN(url, "#", 2)[0], "?", 2)[0],
		"exp": time.Now().Unix() + 60,
		"jti": b64.EncodeToString(id),
		"wth": b64.EncodeToString(hash[:]),
	})
	if err != nil {
		return "", "", err
	}
	message := b64.EncodeToString([]byte(`{"alg":"ES256","typ":"wpt+jwt"}`)) + "." + b64.EncodeToString(claims)
	digest := sha256.Sum256([]byte(message))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return "", "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return wit, message + "." + b64.EncodeToString(signature), nil
}

func call(url string) error {
	wit, wpt, err := proof(os.Getenv("VOUCHSAFE_DIR"), url)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Workload-Identity-Token", wit)
	request.Header.Set("Workload-Proof-Token", wpt)
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	_, _ = io.Copy(os.Stdout, answer.Body)
	return err
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client URL")
		os.Exit(2)
	}
	if err := call(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}
